"""What was decided on any past day can be decided again from what was known then."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from reservations.actions.sweeping import sweep
from reservations.models import Evidence, KeptFacts, KnownFacts, Market, PastDecision, Product, Requirement, StopSale
from reservations.queries.facts import read_world
from reservations.queries.replay import replay, write_snapshot
from tests.world import AT

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = timedelta(days=1)


def change_something(number: int, at: datetime) -> None:
    """Facts of each kind come, move and go."""
    stop = StopSale.objects.filter(lifted_at=None).first()
    match number % 5:
        case 0:
            StopSale.objects.create(market=Market.objects.get(pk="DE"), since=at, reason="A recall.")
        case 1 if stop:
            StopSale.objects.filter(pk=stop.pk).update(lifted_at=at)
        case 2:
            row = Evidence.objects.filter(status="approved").order_by("id")[number]
            Evidence.objects.filter(pk=row.pk).update(status="withdrawn", withdrawn_at=at)
        case 3:
            ids = Requirement.objects.filter(effective_from__isnull=True).order_by("id").values_list("pk", flat=True)
            Requirement.objects.filter(pk=ids[number]).update(effective_from=date(2027, 3, 1))
        case _:
            glasses = Product.objects.get(slug="glasses-s1")
            kept = {*glasses.capabilities} - {"nfc"}
            glasses.capabilities = sorted(kept | {"nfc"} if number % 2 else kept)
            glasses.save()


def test_for_fifty_past_instants_the_replay_is_what_was_stored_then(launch_data: datetime) -> None:
    chance, at = random.Random(11), AT
    sweep(at=at)
    for number in range(12):
        at += 20 * DAY
        change_something(number, at)
        sweep(at=at)
        for day in range(1, 20):  # every date of the facts is a midnight somewhere; the sweep looks after each
            sweep(at=at + day * DAY)
    assert KnownFacts.objects.count() > 8 and PastDecision.objects.values("at").distinct().count() > 12
    skus, markets = ["S1-BLK", "S1-BLK-RX"], list(Market.objects.values_list("pk", flat=True))
    instants = sorted(set(PastDecision.objects.values_list("at", flat=True)))
    differing = set()
    for _ in range(50):
        instant = chance.choice(instants) + timedelta(seconds=chance.randrange(3))
        sku, market = chance.choice(skus), chance.choice([*markets, "DE", "MY"])
        found = replay(sku=sku, market=market, at=instant)
        assert found.then is not None and found.then == found.again, (sku, market, instant)
        differing.add(found.digest)
    assert len(differing) > 4


def test_before_anything_was_known_there_is_nothing_to_replay(launch_data: datetime) -> None:
    found = replay(sku="S1-BLK", market="DE", at=datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
    assert (found.then, found.again, found.digest) == (None, None, "")


def test_equal_facts_are_kept_once(launch_data: datetime) -> None:
    sweep(at=AT)
    before = KeptFacts.objects.count()
    stop = StopSale.objects.create(market=Market.objects.get(pk="DE"), since=AT, reason="A recall.")
    sweep(at=AT + DAY)
    stop.delete()
    sweep(at=AT + 2 * DAY)
    assert KeptFacts.objects.count() == before + 1
    assert write_snapshot(read_world())[0] == KnownFacts.objects.latest("at").facts_id


@pytest.mark.parametrize("model", [PastDecision, KeptFacts, KnownFacts])
def test_what_was_decided_is_never_changed_or_deleted(model: type, launch_data: datetime) -> None:
    sweep(at=AT)
    first = model.objects.first()  # type: ignore[attr-defined]
    same = model.objects.filter(pk=first.pk)  # type: ignore[attr-defined]
    for act in (first.save, lambda: same._raw_delete(same.db)):
        with pytest.raises(DatabaseError, match="stays known"), transaction.atomic():
            act()
