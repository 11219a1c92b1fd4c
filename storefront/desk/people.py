"""Staff and their groups: Django's own pages, logged."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from storefront.desk.logged import Logged, write


def log_password_change(request: HttpRequest, user_pk: int | str, before: str) -> None:
    """That a password was changed is worth a row; neither password is."""
    if User.objects.get(pk=user_pk).password != before:
        write(request, "password_changed", f"user:{user_pk}", {})


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(Logged, UserAdmin):
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        with transaction.atomic():
            before = User.objects.filter(pk=id).values_list("password", flat=True).first()
            answer = super().user_change_password(request, id, form_url)
            if request.method == "POST" and before is not None:
                log_password_change(request, id, before)
        return answer


@admin.register(Group)
class StaffGroupAdmin(Logged, GroupAdmin):
    pass
