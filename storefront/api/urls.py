"""REST API v1."""

from django.urls import path, re_path

from storefront.api import partners, problems, public

urlpatterns = [
    path("markets/", public.Markets.as_view()),
    path("markets/<str:code>/", public.OneMarket.as_view()),
    path("products/", public.Products.as_view()),
    path("products/<slug:slug>/", public.OneProduct.as_view()),
    path("products/<slug:slug>/availability/", public.ProductAvailability.as_view()),
    path("products/<slug:slug>/passport/", public.ProductPassport.as_view()),
    path("launches/", public.Launches.as_view()),
    path("launches/<slug:slug>/", public.OneLaunch.as_view()),
    path("launches/<slug:slug>/draw/", public.LaunchDraw.as_view()),
    path("reservations/", partners.Reservations.as_view()),
    path("reservations/<uuid:pk>/", partners.OneReservation.as_view()),
    path("reservations/<uuid:pk>/cancel/", partners.CancelReservation.as_view()),
    path("reservations/<uuid:pk>/consents/", partners.Consents.as_view()),
    path("allotments/", partners.Allotments.as_view()),
    re_path(r"^(?P<rest>.*)$", problems.unknown_url),
]
