"""A customer pays: to Stripe's page, back to ours, which says what has become of it; and Stripe's events come in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from reservations.actions import inbox, inviting, paying
from reservations.actions.sizing import SizeMissing
from reservations.gateways.stripe import Forged, Refused, Unreachable, read_event
from reservations.jobs import cashier
from reservations.models import Payment, Refund, Reservation
from reservations.queries import texts
from reservations.rules import lifecycle, payments
from storefront import clock
from storefront.actors import actor
from storefront.web.by_link import back, by_link, path_of
from storefront.web.contact import changed_meanwhile
from storefront.web.site import Site, problem, see_other

RETRY_SECONDS, LOOK_SECONDS = 10, 4


@require_POST
@by_link
def pay(request: HttpRequest, site: Site, row: Reservation) -> HttpResponse:
    """To the page on which is paid what is due: the deposit, or an order with obligation to pay.

    An order asks for an address first; where nothing is left to pay, it is complete at once.
    """
    if row.status == lifecycle.INVITED and not row.address:
        return see_other(path_of(row, "contact/"))
    at, who = clock.now(), actor(request)
    try:
        if row.status == lifecycle.INVITED and paying.due(row) is None:
            return back(inviting.order(reservation=row, at=at, actor=who))
        # Not by the helper of our own pages: it leads away from this site.
        return HttpResponseRedirect(cashier.checkout(reservation=row, at=at, actor=who), status=303)
    except SizeMissing:
        return back(row, fragment="size")
    except inviting.DeadlineHasPassed:
        title = _("The time has passed.")
        sentence = _("The place went to the next. Nothing was charged.")
        now = {"text": _("Open your reservation"), "url": path_of(row)}
        return problem(request, 409, "deadline_has_passed", title, sentence, site, now)
    except paying.OnHold:
        title = _("Your reservation is on hold; your place is kept")
        sentence = _("While it is on hold nothing is charged. We write to you as soon as it goes on.")
        now = {"text": _("Open your reservation"), "url": path_of(row)}
        return problem(request, 409, "on_hold", title, sentence, site, now)
    except (paying.NothingDue, Refused, Unreachable) as error:
        return _cannot_pay(request, site, row, error)


def _cannot_pay(request: HttpRequest, site: Site, row: Reservation, error: Exception) -> HttpResponse:
    if isinstance(error, paying.NothingDue):
        kept = Reservation.objects.get(pk=row.pk)
        return changed_meanwhile(request, site, row) if kept.status == lifecycle.CANCELLED else back(row)
    now = {"text": _("Open your reservation"), "url": path_of(row)}
    if isinstance(error, Refused):
        title = _("This payment is not possible at the moment.")
        sentence = _("It is our fault, not yours. We look into it and write to you; your place is kept meanwhile.")
        return problem(request, 409, "payment_refused", title, sentence, site, now)
    title = _("The payment page cannot be reached just now.")
    sentence = _("Nothing was charged, and your place is kept. Please try again in a moment.")
    response = problem(request, 503, "try_again", title, sentence, site, now)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def money_facts(row: Reservation, came_back_from: str) -> dict[str, Any]:
    """What was paid and what goes back, as our books have it, whatever Stripe's page said."""
    paid = list(row.payments.order_by("pk").prefetch_related("refunds"))
    captured = [each for each in paid if each.state == payments.CAPTURED]
    refunds = [refund for each in captured for refund in each.refunds.all()]
    held = sum(each.amount_minor for each in captured) - sum(refund.amount_minor for refund in refunds)
    keeps = sum(each.kept_minor for each in captured)
    due = paying.due(row)
    return {
        "due": texts.amount(due.amount_minor, row.currency) if due else "",
        "held": texts.amount(held, captured[-1].currency) if held > 0 else "",
        "goes_back": texts.amount(held - keeps, captured[-1].currency) if held > keeps else "",
        "result": _result(paid, came_back_from, is_due=due is not None),
        "is_processing": any(each.state == payments.PROCESSING for each in paid),
        "lines": [*map(_payment_line, captured), *map(_refund_line, refunds)],
    }


def _result(paid: list[Payment], came_back_from: str, *, is_due: bool) -> str:
    """What to say to who comes back from the payment page; of a decline also to who went back by another way."""
    found = next((each for each in paid if str(each.pk) == came_back_from), None)
    if found is None:
        return "declined" if is_due and any(each.state == payments.OPEN and each.declined for each in paid) else ""
    if found.state in (payments.BEGUN, payments.OPEN):
        return ("declined" if is_due else "ended") if found.declined else "waiting"
    return {payments.PROCESSING: "processing", payments.CAPTURED: "paid", payments.ENDED: "ended"}[found.state]


def _payment_line(payment: Payment) -> dict[str, str]:
    words = {payments.DEPOSIT: _("Deposit paid"), payments.BALANCE: _("Balance paid")}
    when = texts.instant(payment.captured_at, payment.reservation.market.timezone) if payment.captured_at else ""
    return {
        "words": words[payment.purpose],
        "amount": texts.amount(payment.amount_minor, payment.currency),
        "when": when,
    }


def _refund_line(refund: Refund) -> dict[str, str]:
    words = {
        payments.OWED: _("Goes back to you"),
        payments.PENDING: _("On its way back to you"),
        payments.SUCCEEDED: _("Sent back to you"),
        payments.FAILED: _("Came back to us; we are on it"),
        payments.PAID_OTHERWISE: _("Paid back in another way"),
    }
    row = refund.payment.reservation
    return {
        "words": words[refund.state],
        "amount": texts.amount(refund.amount_minor, refund.payment.currency),
        "when": texts.instant(refund.settled_at or refund.owed_at, row.market.timezone),
    }


@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Keep an event of Stripe's, once, and say so at once; a job works on it."""
    try:
        told = read_event(
            body=request.read(),  # its length was looked at before (`middleware.py`); Django's own limit is for forms
            signature=request.headers.get("Stripe-Signature", ""),
            secrets=settings.STRIPE_WEBHOOK_SECRETS,
        )
    except Forged:
        return HttpResponse("not signed by Stripe, or too old\n", status=400, content_type="text/plain")
    is_new = inbox.take(told=told, at=clock.now())
    return HttpResponse("kept\n" if is_new else "known\n", content_type="text/plain")
