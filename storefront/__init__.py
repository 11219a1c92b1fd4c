"""The front: everything a person or a program talks to. It parses, makes one call below, and renders."""

from storefront.celery import app as celery_app

__all__ = ["celery_app"]
