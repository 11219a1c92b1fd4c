"""The Celery application: broker, beat schedule, where tasks live."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
app = Celery("storefront")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["reservations.jobs"], related_name="tasks")
