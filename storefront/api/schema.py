"""The OpenAPI document and its page. Only it relaxes the content security policy, for the viewer's inline styles."""

from csp.decorators import csp_update
from django.urls import path
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


class BearerScheme(OpenApiAuthenticationExtension):
    """How the schema names our keys."""

    target_class = "storefront.api.access.BearerKey"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key, rsv_live_… or rsv_test_…"}


urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(
            SpectacularSwaggerSplitView.as_view(url_name="schema")
        ),
        name="docs",
    ),
]
