"""Whatever happens in whatever order, the books are right after each step.

Many customers reserve, change, move, pause, pair, order and cancel; staff raise and lower capacities, release waves,
stop sales and put lapses back; mails arrive, bounce or are late; time goes on. After each step all invariants hold.
The seed is printed; `ANY_ORDER_SEED=n` repeats a run, `ANY_ORDER_STEPS=n` makes it longer.
"""

from __future__ import annotations

import os
import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reservations.actions import (
    amending,
    cancelling,
    estimating,
    inviting,
    lines,
    paying,
    refunding,
    relocating,
    waving,
)
from reservations.actions.holding import follow_gate
from reservations.actions.reserving import reserve
from reservations.actions.wishes import Refusal
from reservations.models import (
    AddressChange,
    Allotment,
    Invitation,
    Message,
    Payment,
    Refund,
    Reservation,
    StopSale,
    Wave,
    WaveSupply,
)
from reservations.queries.books import INVARIANTS, Broken, find_broken
from reservations.queries.facts import read_world
from tests.money import ask_for_deposit, seen, seen_refund
from tests.world import AT, allotment, consents, wish

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
STEPS_OF_ONE = 100
STEPS = int(os.environ.get("ANY_ORDER_STEPS", "2500"))
SKUS, MARKETS = ("S1-BLK", "S1-TRT"), ("DE", "AT", "JP")
CUSTOMERS = st.integers(0, 29)
ANY = st.integers(0, 10**6)
FORESEEN = (
    Refusal,
    lines.CannotMove,
    relocating.ShownOtherwise,
    inviting.TooLate,
    inviting.DeadlineHasPassed,
    waving.NothingToGive,
    waving.OutOfOrder,
    amending.CannotPair,
    amending.Unusable,
    paying.NothingDue,
    paying.OnHold,
    refunding.MoreThanCaptured,
)


AT_ONCE = " UNION ALL ".join(f"SELECT '{each.name}', COUNT(*) FROM ({each.query}) found" for each in INVARIANTS)


def broken() -> list[Broken]:
    """Every invariant: counted in one query, on the connection itself so that its plan is kept, then told."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            counts = cursor.execute(AT_ONCE).fetchall()
    else:
        with connection.connection.cursor() as cursor:
            counts = cursor.execute(AT_ONCE, prepare=True).fetchall()
    assert len(counts) == len(INVARIANTS)
    return find_broken() if any(count for _, count in counts) else []


class AnyOrder(RuleBasedStateMachine):
    """One launch, from the opening on."""

    @initialize(capacity=st.integers(1, 3), crowd=st.lists(st.integers(1, 2), min_size=8, max_size=12))
    def open(self, capacity: int, crowd: list[int]) -> None:
        """A crowd at the opening, more than there are units."""
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.at, self.consents = AT + timedelta(minutes=1), {}
        self.staff = [User.objects.create(username=name, is_superuser=True) for name in ("one", "other")]
        self.lines = [allotment(sku, market).pk for sku in SKUS for market in ("DE", "JP")]
        Allotment.objects.filter(pk__in=self.lines).update(capacity=capacity)
        launch = Allotment.objects.get(pk=self.lines[0]).launch
        ask_for_deposit(launch, "JP", 800, "JPY")
        ask_for_deposit(launch, "AT", 500, "EUR")
        for sku in SKUS:
            for market in MARKETS:
                self.consents[sku, market] = consents(sku, market, at=AT)
        for number, quantity in enumerate(crowd):
            self.reserve(number + 100, SKUS[number % 5 == 0], MARKETS[2 * (number % 3 == 0)], quantity)

    def teardown(self) -> None:
        if hasattr(self, "outer"):
            transaction.set_rollback(True)
            self.outer.__exit__(None, None, None)

    def try_to(self, act: Any, **given: Any) -> Any:
        """What is foreseen may be refused, and then nothing has happened."""
        self.at += timedelta(minutes=1)
        try:
            with transaction.atomic():
                return act(**given, at=self.at)
        except FORESEEN:
            return None

    def one(self, number: int, **of: Any) -> Reservation | None:
        rows = list(Reservation.objects.filter(**of).select_related("variant", "market", "launch").order_by("pk"))
        return rows[number % len(rows)] if rows else None

    @rule(who=CUSTOMERS, sku=st.sampled_from(SKUS), market=st.sampled_from(MARKETS), quantity=st.integers(1, 2))
    def reserve(self, who: int, sku: str, market: str, quantity: int) -> None:
        given = wish(
            sku=sku, market=market, quantity=quantity, email=f"c{who}@x.example", consents=self.consents[sku, market]
        )
        self.try_to(reserve, wish=given)

    @rule(which=ANY)
    def cancel(self, which: int) -> None:
        if row := self.one(which):
            self.try_to(cancelling.cancel, reservation=row, actor="customer")

    @rule(which=ANY)
    def revoke(self, which: int) -> None:
        if row := self.one(which):
            self.try_to(cancelling.revoke, reservation=row, actor="staff:one", reason="fraud")

    @rule(which=ANY, sku=st.sampled_from((None, *SKUS)), market=st.sampled_from((None, *MARKETS)), fewer=st.booleans())
    def change(self, which: int, sku: str | None, market: str | None, fewer: bool) -> None:
        row = self.one(which)
        if row is None:
            return
        change = relocating.Change(sku=sku, market=market, quantity=1 if fewer else None)
        given = {key: version for known in self.consents.values() for key, version in known.items()}
        self.try_to(
            relocating.relocate, reservation=row, change=change, given=given, shown_digest=None,
            actor="customer", language="en",
        )  # fmt: skip

    @rule(line=ANY, more=st.integers(1, 3))
    def raise_capacity(self, line: int, more: int) -> None:
        pk = self.lines[line % len(self.lines)]
        Allotment.objects.filter(pk=pk).update(capacity=Allotment.objects.get(pk=pk).capacity + more)
        lines.promote(allotment_id=pk, at=self.at, why=lines.RAISED)

    @rule(line=ANY)
    def lower_capacity(self, line: int) -> None:
        pool = Allotment.objects.get(pk=self.lines[line % len(self.lines)])
        Allotment.objects.filter(pk=pool.pk).update(capacity=max(pool.held + pool.held_back, pool.capacity - 1))

    @rule(quantity=st.integers(1, 4), line=ANY)
    def release_wave(self, quantity: int, line: int) -> None:
        pool = Allotment.objects.get(pk=self.lines[line % len(self.lines)])
        number = Wave.objects.count() + 1
        begins = date(2027, 1, 1) + timedelta(days=30 * number)
        wave = Wave.objects.create(launch=pool.launch, number=number, ships_from=begins, ships_to=begins)
        WaveSupply.objects.create(wave=wave, allotment=pool, quantity=quantity)
        self.try_to(waving.propose, wave=wave, officer=self.staff[0])
        wave.refresh_from_db()
        if wave.state != Wave.PROPOSED or self.try_to(waving.release, wave=wave, officer=self.staff[1]) is None:
            self.try_to(waving.drop, wave=wave, officer=self.staff[0], reason="reaches nobody")

    @rule(hours=st.integers(1, 40))
    def time_goes_on(self, hours: int) -> None:
        self.at += timedelta(hours=hours)
        inviting.follow(at=self.at)

    @rule()
    def mails_arrive(self) -> None:
        Message.objects.filter(state=Message.OWED).update(state=Message.SENT, sent_at=self.at)
        inviting.follow(at=self.at)

    @rule(which=ANY)
    def a_mail_bounces(self, which: int) -> None:
        sent = list(Message.objects.filter(state=Message.SENT, bounced_at=None).order_by("id"))
        if sent:
            inviting.bounce(message=sent[which % len(sent)], at=self.at)

    @rule(which=ANY)
    def order(self, which: int) -> None:
        if row := self.one(which, status="invited"):
            self.try_to(paying.begin, reservation=row, actor="customer")

    @rule(which=ANY)
    def begin_to_pay(self, which: int) -> None:
        if row := self.one(which, status="awaiting_payment"):
            self.try_to(paying.begin, reservation=row, actor="customer")

    @rule(which=ANY, outcome=st.sampled_from(["paid", "paid", "paid", "processing", "declined", "ended"]))
    def stripe_tells(self, which: int, outcome: str) -> None:
        """Of any payment, whatever was told of it before: also that one was paid whose page had ended."""
        payments_ = list(Payment.objects.order_by("pk"))
        if payments_:
            told = {
                "paid": {"is_paid": True},
                "processing": {"is_open": False, "is_processing": True},
                "declined": {"declined": "generic_decline"},
                "ended": {"is_open": False},
            }[outcome]
            payment = payments_[which % len(payments_)]
            self.try_to(paying.settle, payment_id=payment.pk, seen=seen(payment, **told))

    @rule()
    def nobody_paid(self) -> None:
        Payment.objects.filter(state__in=["begun", "open"]).update(state="ended", ended_at=self.at)
        paying.end_unpaid(at=self.at)

    @rule(which=ANY)
    def waive(self, which: int) -> None:
        if row := self.one(which, status="awaiting_payment"):
            self.try_to(paying.waive, reservation=row, actor="staff:one", reason="our fault")

    @rule(which=ANY, status=st.sampled_from(["pending", "succeeded", "failed"]))
    def stripe_tells_of_a_refund(self, which: int, status: str) -> None:
        refunds = list(Refund.objects.order_by("pk"))
        if refunds:
            refund = refunds[which % len(refunds)]
            told = seen_refund(refund, status)
            self.try_to(refunding.note_refund, refund_id=refund.pk, seen=told, look_again_at=None)

    @rule(which=ANY, amount=st.integers(1, 300))
    def staff_give_a_part_back(self, which: int, amount: int) -> None:
        if payment := Payment.objects.filter(state="captured").order_by("pk")[which % 3 : which % 3 + 1].first():
            self.try_to(
                refunding.refund_in_part, payment=payment, amount_minor=amount, actor="staff:one", reason="a scratch"
            )

    @rule(which=ANY, is_paused=st.booleans())
    def pause(self, which: int, is_paused: bool) -> None:
        if row := self.one(which):
            self.try_to(inviting.set_aside, reservation=row, actor="customer", is_paused=is_paused)

    @rule(which=ANY)
    def put_back(self, which: int) -> None:
        if row := self.one(which, status="expired"):
            self.try_to(inviting.put_back, reservation=row, actor="staff:one", reason="ill")

    @rule(which=ANY, other=ANY)
    def pair(self, which: int, other: int) -> None:
        one, two = self.one(which), self.one(other)
        if one and two and one.pk != two.pk:
            self.try_to(amending.pair, reservation=one, other=two, actor="customer")

    @rule(which=ANY, who=CUSTOMERS)
    def change_address(self, which: int, who: int) -> None:
        if row := self.one(which):
            self.try_to(amending.ask_for_address, reservation=row, email=f"c{who}@x.example", actor="customer")

    @rule(which=ANY)
    def confirm_address(self, which: int) -> None:
        changes = list(AddressChange.objects.order_by("pk"))
        if changes:
            self.try_to(amending.confirm_address, change=changes[which % len(changes)])

    @rule(number=st.integers(0, 9))
    def stop_or_go(self, number: int) -> None:
        """Seldom: it reads the whole world."""
        if number:
            return
        if not StopSale.objects.filter(lifted_at=None).update(lifted_at=self.at):
            StopSale.objects.create(market_id="JP", since=self.at, reason="a test", opened_by=self.staff[0])
        follow_gate(world=read_world(), at=self.at)

    @rule()
    def estimate(self) -> None:
        launch = Allotment.objects.get(pk=self.lines[0]).launch
        estimating.publish(launch=launch, at=self.at, person=self.staff[0])
        estimating.cancel_unanswered(at=self.at)

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "outer"):
            assert broken() == []
            assert not Invitation.objects.filter(outcome="lapsed", reminded_at=None).exists()


@pytest.mark.parametrize("part", [1, 2])
def test_the_books_are_right_after_every_step_in_any_order(launch_data: datetime, part: int) -> None:
    chosen = int(os.environ.get("ANY_ORDER_SEED", random.SystemRandom().randrange(10**9))) + part
    print(f"ANY_ORDER_SEED={chosen - part}")
    run_state_machine_as_test(
        seed(chosen)(AnyOrder),
        settings=settings(
            max_examples=STEPS // STEPS_OF_ONE,
            stateful_step_count=STEPS_OF_ONE,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
