"""The desk: Django's admin as staff use it."""

from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    default_site = "storefront.desk.site.DeskSite"
