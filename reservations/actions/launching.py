"""Launches as staff run them: copied for the next one, closed, and units carried from one pool to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from reservations.actions import lines
from reservations.actions.recording import record
from reservations.models import Allotment, AllotmentMarket, Deposit, Launch, LaunchMarket


class NotTheSame(Exception):
    """Units go between pools of one launch, variant and kind of world, and from one pool to another."""


@dataclass(eq=False)
class TooFew(Exception):
    """A pool can give away only what nobody holds and what is not kept back."""

    free: int


@transaction.atomic
def move_units(*, source: Allotment, target: Allotment, units: int, at: datetime, actor: str, reason: str) -> None:
    """Carry capacity from one pool to another, where it goes to whoever waits. Raises NotTheSame, TooFew."""
    locked = Allotment.objects.select_for_update().filter(pk__in=[source.pk, target.pk]).order_by("pk")
    rows = {row.pk: row for row in locked}
    if len(rows) != 2 or len({(row.launch_id, row.variant_id, row.is_sandbox) for row in rows.values()}) != 1:
        raise NotTheSame
    line = rows[source.pk].line
    if not 1 <= units <= line.capacity - line.held:
        raise TooFew(line.capacity - line.held)
    Allotment.objects.filter(pk=source.pk).update(capacity=F("capacity") - units)
    Allotment.objects.filter(pk=target.pk).update(capacity=F("capacity") + units)
    facts = {"units": units, "from": source.pool, "into": target.pool, "sku": source.variant.sku}
    for row, change in ((source, -units), (target, units)):
        record(
            at=at,
            actor=actor,
            action="allotment.units_moved",
            subject=f"allotment:{row.pk}",
            facts={**facts, "capacity": rows[row.pk].capacity + change},
            reason=reason,
        )
    lines.promote(allotment_id=target.pk, at=at, why=lines.RAISED)


@transaction.atomic
def close(*, launch: Launch, at: datetime, actor: str) -> int:
    """No more reservations: every window that is open ends now, and one that has yet to open never does.

    What is reserved stays so. Returns how many windows were ended.
    """
    windows = LaunchMarket.objects.filter(launch=launch)
    unborn = windows.filter(opens_at__gte=at)
    ended = windows.filter(opens_at__lt=at).filter(Q(closes_at=None) | Q(closes_at__gt=at)).update(closes_at=at)
    dropped, _ = unborn.delete()
    if ended or dropped:
        facts = {"ended": ended, "dropped": dropped}
        record(at=at, actor=actor, action="launch.closed", subject=f"launch:{launch.pk}", facts=facts)
    return ended + dropped


@transaction.atomic
def clone(*, launch: Launch, slug: str, opens_at: datetime, at: datetime, actor: str) -> Launch:
    """The same launch to be planned anew: products, windows, pools and capacities, paused, with nothing held.

    `opens_at` is the instant of its first window; the others keep their distance from it. `slug` is free.
    """
    kept = Launch.objects.get(pk=launch.pk)
    products = list(kept.products.all())
    windows = list(kept.windows.order_by("opens_at"))
    pools = list(kept.allotments.filter(is_sandbox=False))
    markets = list(AllotmentMarket.objects.filter(allotment__in=pools))
    kept.pk, kept.slug, kept.paused_at = None, slug, at
    kept.save()
    kept.products.set(products)
    LaunchMarket.objects.bulk_create(
        LaunchMarket(
            launch=kept,
            market_id=each.market_id,
            opens_at=opens_at + (each.opens_at - windows[0].opens_at),
            closes_at=each.closes_at and opens_at + (each.closes_at - windows[0].opens_at),
        )
        for each in windows
    )
    Deposit.objects.bulk_create(
        Deposit(launch=kept, market_id=each.market_id, amount_minor=each.amount_minor, currency=each.currency)
        for each in launch.deposits.all()
    )
    copies = {pool.pk: _empty_copy(pool, kept) for pool in pools}
    AllotmentMarket.objects.bulk_create(
        AllotmentMarket(allotment=copies[each.allotment_id], market_id=each.market_id) for each in markets
    )
    facts = {"of": launch.slug, "opens_at": opens_at.isoformat()}
    record(at=at, actor=actor, action="launch.cloned", subject=f"launch:{kept.pk}", facts=facts)
    return kept


def _empty_copy(pool: Allotment, launch: Launch) -> Allotment:
    return Allotment.objects.create(
        launch=launch,
        variant_id=pool.variant_id,
        pool=pool.pool,
        partner_id=pool.partner_id,
        capacity=pool.capacity,
        held_back=pool.held_back,
    )
