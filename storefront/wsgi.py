"""WSGI entry point: the waiting room in front of Django."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django_application = get_wsgi_application()

from storefront.waiting_room.layer import WaitingRoom  # noqa: E402  # Django's settings come first

sys.setswitchinterval(float(os.environ.get("SWI", "0.005")))
application = WaitingRoom(django_application)
