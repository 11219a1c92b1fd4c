"""The desk: Django's admin as staff use it."""

from importlib import import_module

from django.contrib.admin.apps import AdminConfig

THEMES = (
    "catalogue",
    "compliance",
    "decisions",
    "evidence",
    "passports",
    "proposals",
    "launches",
    "reservations",
    "stops",
    "waves",
    "bulk",
    "outbox",
    "money",
    "settling",
    "partners",
    "people",
)


class DeskConfig(AdminConfig):
    default_site = "storefront.desk.site.DeskSite"

    def ready(self) -> None:
        super().ready()
        for theme in THEMES:
            import_module(f"storefront.desk.{theme}")
