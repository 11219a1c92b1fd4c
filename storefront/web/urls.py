"""Customer pages, all under /<language>-<market>/."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path

from storefront.web import (
    availability,
    changing,
    contact,
    invited,
    mail_events,
    mailbox,
    notifying,
    pages,
    passports,
    paying,
    reservation,
    reserving,
    sizing,
    views,
)

under_prefix: list[URLPattern | URLResolver] = [
    path("", views.launch, name="launch"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("availability/", availability.availability, name="availability"),
    path("availability/<slug:slug>/", availability.availability),
    path("availability/<slug:slug>/<str:on>/", availability.availability),
    path("availability/<slug:slug>/<str:on>/only/<slug:only>/", availability.availability),
    path("availability/<slug:slug>/<str:on>/here/", availability.here),
    path("availability-choice/", availability.choose, name="availability_choice"),
    path("reserve/<slug:slug>/", reserving.reserve, name="reserve"),
    path("r/<str:reference>/", reservation.reservation, name="reservation"),
    path("r/<str:reference>/cancel/", reservation.cancel, name="cancel"),
    path("r/<str:reference>/agree/", reservation.agree, name="agree"),
    path("r/<str:reference>/change/", changing.change, name="change"),
    path("r/<str:reference>/contact/", contact.contact, name="contact"),
    path("r/<str:reference>/contact/sent/", contact.sent),
    path("r/<str:reference>/address/<uuid:pk>/", contact.address, name="address"),
    path("r/<str:reference>/pay/", paying.pay, name="pay"),
    path("r/<str:reference>/pause/", invited.pause, name="pause"),
    path("r/<str:reference>/wait/", invited.wait, name="wait"),
    path("r/<str:reference>/pair/", invited.pair, name="pair"),
    path("r/<str:reference>/size/", sizing.size, name="size"),
    path("r/<str:reference>/kit/", sizing.kit, name="kit"),
    path("r/<str:reference>/deadline.ics", invited.deadline, name="deadline"),
    path("lost-link/", contact.lost_link, name="lost_link"),
    path("notify/", notifying.notify, name="notify"),
    re_path(r"^notify/(?P<pk>[0-9a-f-]{36})/(?P<step>confirm|end)/$", notifying.wish, name="wish"),
    path("privacy/", pages.privacy, name="privacy"),
    path("privacy/<slug:slug>/", passports.passport, name="passport"),
    path("privacy/<slug:slug>/bystanders/", passports.bystanders, name="bystanders"),
    path("terms/", pages.terms, name="terms"),
    path("accessibility/", pages.accessibility, name="accessibility"),
    path("", include("storefront.waiting_room.urls")),
]

urlpatterns = [
    path("", views.start, name="start"),
    path("stripe/webhook/", paying.stripe_webhook, name="stripe_webhook"),
    path("health/live", pages.live),
    path("health/ready", pages.ready),
    path("robots.txt", pages.robots),
    path("sitemap.xml", pages.sitemap),
    re_path(r"^(?P<language>[a-z]{2,3}(?:-[a-z0-9]{2,8})*?)-(?P<market>[a-z]{2})/", include(under_prefix)),
]
if settings.MAIL_PROVIDER:
    urlpatterns.append(path("mail/events/", mail_events.mail_events, name="mail_events"))
if settings.MAILBOX_DIR:
    urlpatterns += [
        path("mailbox/", mailbox.mailbox, name="mailbox"),
        path("mailbox/<str:name>/", mailbox.mail, name="mail"),
        path("mailbox/<str:name>/html/", mailbox.mail_html, name="mail_html"),
    ]
