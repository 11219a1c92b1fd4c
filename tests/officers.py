"""Officers and drafts for tests of evidence."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.models import Group, User

from reservations.models import Evidence
from reservations.models.groups import COMPLIANCE

PDF = b"%PDF-1.7\n1 0 obj << >> endobj\n"
SHA256 = "0" * 64


def officer(name: str, **fields: Any) -> User:
    """Somebody of the group Compliance, who may do what that group may and nothing else."""
    person = User.objects.create_user(name, password="a-long-password", is_staff=True, **fields)
    person.groups.add(Group.objects.get(name=COMPLIANCE))
    return person


def draft(author: User, **changes: Any) -> Evidence:
    """The radio approval that opens Canada for the glasses, once it is approved."""
    fields: dict[str, Any] = {
        "id": "ca-ised-s1",
        "requirement_id": "ca-ised-certification",
        "products": ["glasses-s1"],
        "identifier": "21098-GLASSESS1",
        "issuer": "Test laboratory",
        "issued_on": date(2026, 10, 1),
        "document": "certificate.pdf",
        "document_sha256": SHA256,
    }
    row = Evidence.objects.create(**(fields | changes))
    row.authors.add(author)
    return row
