"""The api room."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "storefront.api"
    label = "front_api"
