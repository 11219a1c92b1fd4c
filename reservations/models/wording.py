"""What customers were shown, stored once for all who were shown the same."""

from __future__ import annotations

from django.db import models


class Wording(models.Model):
    """Notices and consents as they stood on a form, named by their content. Triggers refuse updates and deletes.

    `notices` is [{id, version, text, sha256, language, consent}]; `digest` is the SHA-256 of its JSON.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    notices = models.JSONField()

    def __str__(self) -> str:
        return self.digest[:12]
