"""The groups of staff that every shop begins with. Put after `migrate` where they are missing; then staff own them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission

COMPLIANCE = "Compliance"
# What officers do. Nothing of a customer is among it.
PERMISSIONS: dict[str, tuple[str, ...]] = {
    COMPLIANCE: (
        *("view_evidence", "add_evidence", "change_evidence", "delete_evidence"),
        *("approve_evidence", "read_evidence_document"),
        *("view_requirement", "add_requirement", "change_requirement"),
        *("view_proposedchange", "add_proposedchange", "decide_proposedchange"),
        *("view_stopsale", "add_stopsale", "change_stopsale"),
        *("view_reviewtask", "change_reviewtask"),
        *("view_decision", "view_event", "view_market", "view_passport", "view_product", "view_variant"),
    )
}


def put_groups(using: str, **_: Any) -> None:
    """After `migrate`, when the permissions exist."""
    for name, codenames in PERMISSIONS.items():
        group, is_new = Group.objects.using(using).get_or_create(name=name)
        if is_new:
            mine = Permission.objects.using(using).filter(
                content_type__app_label="reservations", codename__in=codenames
            )
            group.permissions.set(mine)
