"""Every URL: customers, partners, staff."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("storefront.api.urls")),
    path("api/", include("storefront.api.schema")),
    path("", include("storefront.web.urls")),
]
handler400 = "storefront.web.pages.bad_request"
handler403 = "storefront.web.pages.forbidden"
handler404 = "storefront.web.pages.not_found"
