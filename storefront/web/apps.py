"""The web room."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "storefront.web"
    label = "front_web"
