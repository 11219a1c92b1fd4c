"""The cashier: talks with Stripe between our transactions, and carries over what Stripe says.

A call may fail at any point: before it reached Stripe, after Stripe did the work, or with our own death. So whatever is
asked has a row of its own before, is asked again with the same idempotency key, and what counts is what Stripe says
when it is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext

from reservations.actions import paying, refunding
from reservations.gateways import stripe
from reservations.gateways.stripe import Refused, Seen, Stripe, Unreachable
from reservations.models import Payment, Refund, Reservation
from reservations.queries import links, texts
from reservations.rules import lifecycle, payments

MOST = 50  # of each kind in one round
GONE_WRONG = ("failed", "canceled")  # of a refund
ATTEMPTS = 3  # at opening a page for a customer who waits for it
# The languages that Stripe's pages speak under another name, or that our texts have and theirs have not.
_LOCALES = {"zh-hans": "zh", "zh-hant": "zh-TW", "zh-hant-hk": "zh-HK", "pt-br": "pt-BR", "no": "nb"}


def account() -> Stripe:
    """Raises Unreachable where no key is set."""
    if not settings.STRIPE_SECRET_KEY:
        raise Unreachable("STRIPE_SECRET_KEY is not set")
    return stripe.account(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, settings.STRIPE_TIMEOUT_SECONDS)


def checkout(*, reservation: Reservation, at: datetime, actor: str) -> str:
    """The address of the page on which what is due is paid. A decline is followed by an attempt of its own.

    Raises what `paying.begin` raises, Refused, Unreachable.
    """
    for _ in range(ATTEMPTS):
        payment = paying.begin(reservation=reservation, at=at, actor=actor)
        try:
            seen = _look(payment) if payment.session_id else _open(payment, at)
        except Unreachable as error:
            if not error.is_kept:
                raise
            continue  # this attempt has failed for good; the next has a key of its own
        if seen.is_open and (seen.declined or paying.is_stale(payment)):
            seen = account().close(seen.session_id)
        settled = _settle(payment, seen, at)
        if settled.state == payments.OPEN:
            return settled.session_url
    raise Unreachable("no payment page could be opened")


def _look(payment: Payment) -> Seen:
    return account().look(payment.session_id)


def _settle(payment: Payment, seen: Seen, at: datetime) -> Payment:
    return paying.settle(payment_id=payment.pk, seen=seen, at=at, look_again_at=_later(payment, at))


def _later(row: Payment | Refund, at: datetime) -> datetime:
    return payments.retry_at(at, row.tries + 1, settings.MONEY_RETRY_SECONDS)


def _open(payment: Payment, at: datetime) -> Seen:
    """Open the page of this attempt, or find the one that an earlier try opened."""
    try:
        return account().open_page(_page(payment))
    except Refused as refusal:
        if refusal.param == "customer":  # deleted at Stripe: the next attempt does without
            paying.forget_customer(payment=payment, at=at)
            raise Unreachable(str(refusal), is_kept=True) from refusal
        if refusal.param == "expires_at":  # so no earlier try opened one
            paying.give_up(payment=payment, at=at, reason="no page was opened in time")
            raise Unreachable(str(refusal), is_kept=True) from refusal
        paying.refuse(payment=payment, at=at, reason=str(refusal))
        raise
    except Unreachable as error:
        if error.is_kept:  # there may be a page, and nobody has its address
            paying.give_up(payment=payment, at=at, reason=str(error))
        raise


def _page(payment: Payment) -> stripe.Page:
    row = payment.reservation
    is_deposit = payment.purpose == payments.DEPOSIT
    back = settings.SITE_URL + links.reservation_path(row)
    known = row.payments.exclude(customer_id="").exclude(pk=payment.pk).order_by("-pk").first()
    with translation.override(row.language):
        product = texts.translated(row.variant.product.name)
        title = gettext("Deposit: %(product)s") if is_deposit else gettext("Balance: %(product)s")
    return stripe.Page(
        key=payment.key,
        payment=payment.pk,
        reference=row.reference,
        amount=payment.amount,
        title=title % {"product": product},
        description=f"{row.reference} {payment.purpose}",
        locale=_LOCALES.get(row.language, row.language),
        email=row.email,
        customer_id=known.customer_id if known else "",
        saves_card=is_deposit and row.launch.saves_card,
        success_url=f"{back}&{urlencode({'paid': payment.pk})}",
        cancel_url=back,
        expires_at=payment.began_at + payments.PAGE_LASTS,
    )


def follow(payment: Payment, *, at: datetime) -> None:
    """Ask Stripe about a payment, and carry over the answer. Raises Unreachable, Refused."""
    _settle(payment, _look(payment) if payment.session_id else _open(payment, at), at)


def look_after_payments(*, at: datetime) -> int:
    """Those whose time has come: a page that was never opened, or a bank that is still at work."""
    due = Payment.objects.filter(next_at__lte=at).select_related("reservation__launch", "reservation__variant__product")
    found = list(due.order_by("next_at")[:MOST])
    for payment in found:
        _try(payment, at, lambda each: follow(each, at=at))
    return len(found)


def close_pages(*, at: datetime) -> int:
    """Close the pages of places that are gone or whose time to pay is over. What was paid in time is carried over."""
    is_over = (
        Q(reservation__status__in=lifecycle.GONE)
        | Q(reservation__expires_at__lte=at)
        | Q(reservation__status=lifecycle.CONFIRMED)
    )
    due = Payment.objects.filter(is_over, state__in=(payments.BEGUN, payments.OPEN)).filter(
        Q(next_at=None) | Q(next_at__lte=at)
    )
    found = list(due.select_related("reservation__launch", "reservation__variant__product").order_by("pk")[:MOST])
    for payment in found:
        _try(payment, at, lambda each: _close(each, at))
    return len(found)


def _close(payment: Payment, at: datetime) -> None:
    session_id = payment.session_id or _open(payment, at).session_id
    _settle(payment, account().close(session_id), at)


def _try(payment: Payment, at: datetime, act: Callable[[Payment], None]) -> None:
    """What fails is tried again later: the rows say so before, in case that it kills us."""
    later = _later(payment, at)
    taken = Payment.objects.filter(pk=payment.pk, next_at=payment.next_at, state=payment.state).update(
        next_at=later, tries=F("tries") + 1
    )
    if not taken:
        return  # somebody else is at it
    try:
        act(payment)
    except (Unreachable, Refused) as error:
        Payment.objects.filter(pk=payment.pk).exclude(next_at=None).update(last_error=str(error)[:300])


def send_refunds(*, at: datetime) -> int:
    """Send what is owed, and ask about what is pending."""
    due = Refund.objects.filter(next_at__lte=at).select_related("payment__reservation")
    found = list(due.order_by("next_at")[:MOST])
    for refund in found:
        taken = Refund.objects.filter(pk=refund.pk, next_at=refund.next_at).update(
            next_at=_later(refund, at), tries=F("tries") + 1
        )
        if taken:
            _refund(refund, at)
    return len(found)


def _refund(refund: Refund, at: datetime) -> None:
    try:
        seen = _refund_at_stripe(refund)
    except Unreachable as error:
        Refund.objects.filter(pk=refund.pk).update(
            last_error=str(error)[:300], attempt=refund.attempt + (1 if error.is_kept else 0)
        )
    except Refused as error:
        refunding.note_refused(refund_id=refund.pk, failure=str(error), at=at)
    else:
        refunding.note_refund(refund_id=refund.pk, seen=seen, at=at, look_again_at=_later(refund, at))
        if seen.status == "pending" and refund.tries >= payments.LONG_PENDING_TRIES:
            refunding.note_pending_long(refund=refund, at=at)


def carry_over(seen: stripe.SeenRefund, *, payment: Payment, at: datetime) -> None:
    """Follow what Stripe says of a refund of this payment: one of ours, or one that somebody made at Stripe."""
    rows = payment.refunds.all()
    ours = rows.filter(stripe_id=seen.stripe_id).first()
    if ours is None and seen.refund is None:
        refunding.adopt(payment_id=payment.pk, seen=seen, at=at)
        return
    if ours is None and seen.refund is not None and seen.status not in GONE_WRONG:  # we died before we noted it
        ours = rows.filter(pk=seen.refund, stripe_id="").first()
    if ours is not None:  # else it is of an attempt that failed, and another took its place
        refunding.note_refund(refund_id=ours.pk, seen=seen, at=at, look_again_at=at)


def follow_all(payment: Payment, *, at: datetime) -> None:
    """Ask Stripe about a payment and everything that went back of it. Raises Unreachable, Refused."""
    follow(payment, at=at)
    kept = Payment.objects.get(pk=payment.pk)
    for seen in account().refunds_of(kept.intent_id) if kept.intent_id else ():
        carry_over(seen, payment=kept, at=at)


def _refund_at_stripe(refund: Refund) -> stripe.SeenRefund:
    """A second try looks first whether an earlier one worked: a kept answer of Stripe's may say that it did not."""
    if refund.stripe_id:
        return account().look_at_refund(refund.stripe_id)
    intent_id = refund.payment.intent_id
    if refund.tries:
        for seen in account().refunds_of(intent_id):
            if seen.refund == refund.pk and seen.status not in GONE_WRONG:
                return seen
    return account().refund(key=refund.key, refund=refund.pk, intent_id=intent_id, amount=refund.amount)


def refund_unknown(*, intent_id: str) -> None:
    """Give back what nothing of ours asked for. Raises Unreachable, Refused."""
    account().refund_all(key=f"unknown:{intent_id}", intent_id=intent_id)


def work(*, at: datetime) -> None:
    """One round of everything that waits for Stripe."""
    look_after_payments(at=at)
    close_pages(at=at)
    paying.end_unpaid(at=at)
    send_refunds(at=at)
