"""The admin site of the launch."""

from django.contrib.admin import AdminSite


class DeskSite(AdminSite):
    site_title = site_header = "Launch desk"
    index_title = "Today"
