"""Tell me when it opens here: asked, confirmed by the owner of the address, told once, ended at any time."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from reservations.actions.recording import record
from reservations.models import Market, Message, NotifyRequest, Product
from reservations.queries.availability import availabilities
from reservations.queries.facts import current_world
from reservations.rules import limits, opening


@transaction.atomic
def ask_to_be_told(*, product: Product, market: Market, email: str, language: str, at: datetime) -> NotifyRequest:
    """Keep the wish and owe the mail that asks for confirmation. Asking again for the same changes nothing."""
    wish, is_new = NotifyRequest.objects.get_or_create(
        product=product,
        market=market,
        email_key=limits.email_key(email),
        told_at=None,
        ended_at=None,
        defaults={"email": email, "language": language, "created_at": at},
    )
    if is_new:
        Message.objects.create(notify_request=wish, kind="confirm_wish", due_at=at)
        record(at=at, actor="customer", action="wish.asked", subject=f"wish:{wish.pk}", facts=_facts(wish))
    return wish


@transaction.atomic
def confirm_wish(*, wish: NotifyRequest, at: datetime) -> None:
    """The owner of the address says yes. A second yes changes nothing."""
    if NotifyRequest.objects.filter(pk=wish.pk, confirmed_at=None, ended_at=None).update(confirmed_at=at):
        record(at=at, actor="customer", action="wish.confirmed", subject=f"wish:{wish.pk}", facts=_facts(wish))


@transaction.atomic
def end_wish(*, wish: NotifyRequest, at: datetime) -> None:
    """The owner of the address does not want to be told any more."""
    if NotifyRequest.objects.filter(pk=wish.pk, ended_at=None).update(ended_at=at):
        record(at=at, actor="customer", action="wish.ended", subject=f"wish:{wish.pk}", facts=_facts(wish))


@transaction.atomic
def tell_opened(*, at: datetime, most: int = 500) -> int:
    """Owe a mail to everybody whose product now takes reservations in their market. Returns how many."""
    waiting = NotifyRequest.objects.filter(confirmed_at__isnull=False, told_at=None, ended_at=None)
    world, told = current_world(), 0
    for product_id, slug in waiting.values_list("product_id", "product__slug").distinct():
        is_open = {opening.OPEN, opening.WAITLIST}
        rows = availabilities(skus=world.skus_of(slug), at=at, world=world)
        markets = {row.market for row in rows if row.status in is_open}
        for wish in waiting.filter(product_id=product_id, market_id__in=markets).order_by("created_at")[:most]:
            if NotifyRequest.objects.filter(pk=wish.pk, told_at=None).update(told_at=at):
                Message.objects.create(notify_request=wish, kind="opened", due_at=at)
                record(at=at, actor="system", action="wish.told", subject=f"wish:{wish.pk}", facts=_facts(wish))
                told += 1
    return told


def _facts(wish: NotifyRequest) -> dict[str, object]:
    return {"product": wish.product_id, "market": wish.market_id}
