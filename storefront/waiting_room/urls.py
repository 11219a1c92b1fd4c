"""Pages of the room, under /<language>-<market>/. The layer answers polls before Django is reached."""

from django.urls import path

from storefront.waiting_room import pages

urlpatterns = [
    path("waiting-room/", pages.room, name="waiting_room"),
    path("waiting-room/poll/", pages.no_room),
    path("waiting-room/more/", pages.no_room),
    path("draw/<slug:slug>/", pages.draw, name="draw"),
]
