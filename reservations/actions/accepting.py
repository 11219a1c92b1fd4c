"""Agree again: the law, or a text that it wants shown, has changed since the place was reserved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from reservations.actions.receipts import show
from reservations.actions.recording import record
from reservations.actions.wishes import ConsentRequired
from reservations.models import Acceptance, Reservation, Wording
from reservations.queries.consents import decision_for, news_for
from reservations.queries.facts import current_world


class ShownOtherwise(Exception):
    """The texts have changed between being shown and being agreed to."""


@transaction.atomic
def accept(
    *,
    reservation: Reservation,
    given: Mapping[str, str],
    language: str,
    at: datetime,
    actor: str,
    shown_digest: str | None = None,
) -> bool:
    """Keep what was shown now, and that each consent of it was given. False: there is nothing new, and nothing happens.

    `given` is requirement id → version, of every consent that is new and of none beside. `shown_digest` names the
    texts that stood on the page (`Shown.digest`). Raises ConsentRequired, ShownOtherwise.
    """
    held = Reservation.objects.select_for_update(of=("self",)).select_related("variant").get(pk=reservation.pk)
    world = current_world()
    news = news_for([held], world=world, at=at).get(held.pk)
    if news is None:
        return False
    wanted = {notice.id: notice.version for notice in news.consents}
    missing = tuple(notice for notice in news.consents if given.get(notice.id) != notice.version)
    unknown = tuple(sorted(name for name, version in given.items() if wanted.get(name) != version))
    if missing or unknown:
        raise ConsentRequired(missing, unknown)
    shown = show(decision_for(world, held, at), language)
    if shown_digest not in (None, shown.digest):
        raise ShownOtherwise
    wording, _ = Wording.objects.get_or_create(digest=shown.digest, defaults={"notices": list(shown.notices)})
    Acceptance.objects.create(reservation=held, wording=wording, at=at, actor=actor)
    record(
        at=at,
        actor=actor,
        action="reservation.consented",
        subject=f"reservation:{held.reference}",
        reservation=held,
        facts={"consents": wanted, "wording": shown.digest},
    )
    return True
