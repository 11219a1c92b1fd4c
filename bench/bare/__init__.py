"""The yardstick: a Django project and a Celery task that do next to nothing."""
