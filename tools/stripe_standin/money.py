"""What happens to money: pages are opened, paid, declined, asked to authenticate; money goes back, or is disputed."""

from __future__ import annotations

import time
from typing import Any

from stripe_standin.books import Books, Object
from stripe_standin.cards import CARDS, Card, tidy

DAY, HALF_AN_HOUR, TOLERANCE = 86400, 1800, 60
THREE_DECIMALS, HUNDREDS = {"kwd", "bhd", "jod", "omr", "tnd"}, {"isk", "ugx"}
FEE_PER_MILLE, FEE_FIXED = 15, 25


class Refused(Exception):
    """An error of Stripe's, with its HTTP status."""

    def __init__(self, message: str, *, param: str = "", code: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.param, self.code, self.status = message, param, code, status


def open_session(books: Books, asked: Object, *, base: str, currencies: set[str], any_expiry: bool) -> Object:
    """POST /v1/checkout/sessions."""
    now = int(time.time())
    expires_at = int(asked.get("expires_at") or now + DAY)
    if not any_expiry and not now + HALF_AN_HOUR - TOLERANCE <= expires_at <= now + DAY + TOLERANCE:
        raise Refused(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.", param="expires_at"
        )
    line = asked["line_items"]["0"]
    data = line["price_data"]
    currency, amount = str(data["currency"]), int(data["unit_amount"]) * int(line.get("quantity", 1))
    _check_amount(currency, amount, currencies)
    customer = asked.get("customer")
    known = books.get(customer, "customer") if customer else None
    if customer and (known is None or known.get("deleted")):
        raise Refused(f"No such customer: '{customer}'", param="customer", code="resource_missing")
    intent = asked.get("payment_intent_data", {})
    made = books.make(
        "checkout.session",
        mode="payment",
        status="open",
        payment_status="unpaid",
        amount_subtotal=amount,
        amount_total=amount,
        currency=currency,
        customer=customer,
        customer_creation=asked.get("customer_creation"),
        customer_email=asked.get("customer_email"),
        customer_details={"email": asked.get("customer_email") or (known or {}).get("email"), "address": None},
        client_reference_id=asked.get("client_reference_id"),
        success_url=asked["success_url"],
        cancel_url=asked["cancel_url"],
        locale=asked.get("locale"),
        expires_at=expires_at,
        payment_intent=None,
        payment_method_types=["card"],
        metadata=asked.get("metadata", {}),
    )
    made["url"] = f"{base}/pay/{made['id']}"
    # Not of Stripe's: what the page shows, and what the intent will get.
    made["standin"] = {"title": data["product_data"]["name"], "intent": intent}
    return books.keep(made)


def _check_amount(currency: str, amount: int, currencies: set[str]) -> None:
    if currency not in currencies:
        raise Refused(f"Invalid currency: {currency}.", param="line_items[0][price_data][currency]")
    if amount < 1:
        raise Refused("The amount must be at least 1.", param="line_items[0][price_data][unit_amount]")
    if (currency in THREE_DECIMALS and amount % 10) or (currency in HUNDREDS and amount % 100):
        raise Refused(f"Invalid amount in {currency}: {amount}.", param="line_items[0][price_data][unit_amount]")


def _must_be_open(session: Object) -> None:
    if session["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )


def expire(books: Books, session: Object) -> Object:
    """Close a page. An authentication that is going on ends with it."""
    _must_be_open(session)
    session["status"], session["url"] = "expired", None
    intent = books.get(session["payment_intent"] or "")
    if intent:
        books.keep(intent | {"status": "canceled", "canceled_at": int(time.time())})
    books.keep(session)
    books.emit("checkout.session.expired", session)
    return session


def expire_what_is_due(books: Books) -> None:
    with books.lock:
        for session in books.all("checkout.session"):
            if session["status"] == "open" and session["expires_at"] <= time.time():
                expire(books, session)


def pay(books: Books, session: Object, *, number: str, method: str = "card") -> str:
    """What the page does. Returns "paid", "declined", "authenticate" or "processing". Raises Refused."""
    _must_be_open(session)
    intent = books.get(session["payment_intent"] or "") or _intent(books, session)
    if method == "voucher":
        return _begin_voucher(books, session, intent, fails=tidy(number).endswith("0"))
    card = CARDS.get(tidy(number))
    if card is None:
        raise Refused("Your card number is incorrect.", code="incorrect_number", status=402)
    intent["standin"]["card"] = tidy(number)
    if card.decline:
        _decline(books, intent, card.decline)
        return "declined"
    if card.asks:
        books.keep(intent | {"status": "requires_action", "next_action": {"type": "redirect_to_url"}})
        return "authenticate"
    _capture(books, session, intent, card)
    return "paid"


def authenticate(books: Books, session: Object, *, succeeds: bool) -> str:
    """The bank's page of 3-D Secure."""
    _must_be_open(session)
    intent = books.get(session["payment_intent"] or "")
    if intent is None or intent["status"] != "requires_action":
        raise Refused("Nothing is to be authenticated.")
    if not succeeds:
        _decline(books, intent, "authentication_required")
        return "declined"
    _capture(books, session, intent, CARDS[intent["standin"]["card"]])
    return "paid"


def _intent(books: Books, session: Object) -> Object:
    asked = session["standin"]["intent"]
    made = books.make(
        "payment_intent",
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        capture_method="automatic",
        confirmation_method="automatic",
        description=asked.get("description"),
        metadata=asked.get("metadata", {}),
        setup_future_usage=asked.get("setup_future_usage"),
        status="requires_payment_method",
        payment_method_types=["card"],
        last_payment_error=None,
        next_action=None,
        latest_charge=None,
    )
    made["client_secret"] = f"{made['id']}_secret"
    made["standin"] = {}
    session["payment_intent"] = made["id"]
    books.keep(session)
    return books.keep(made)


def _decline(books: Books, intent: Object, code: str) -> None:
    error = {"type": "card_error", "code": "card_declined", "decline_code": code, "message": "Your card was declined."}
    intent |= {"status": "requires_payment_method", "last_payment_error": error, "next_action": None}
    books.keep(intent)
    books.emit("payment_intent.payment_failed", intent)


def _begin_voucher(books: Books, session: Object, intent: Object, *, fails: bool) -> str:
    intent |= {"status": "processing", "payment_method_types": ["konbini"], "processing": {"type": "konbini"}}
    intent["standin"]["voucher"] = {"at": time.time(), "fails": fails}
    books.keep(intent)
    session |= {"status": "complete", "url": None}
    books.keep(session)
    books.emit("payment_intent.processing", intent)
    books.emit("checkout.session.completed", session)
    return "processing"


def settle_voucher(books: Books, session: Object, *, succeeds: bool) -> None:
    """The shop at the corner was paid, or the time for it is over."""
    intent = books.objects[session["payment_intent"]]
    if intent["status"] != "processing":
        raise Refused("This payment is not being processed.")
    if succeeds:
        _capture(books, session, intent, Card(), told="checkout.session.async_payment_succeeded")
        return
    _decline(books, intent, "expired_voucher")
    books.emit("checkout.session.async_payment_failed", session)


def settle_what_is_due(books: Books, *, voucher_seconds: float, refund_seconds: float) -> None:
    with books.lock:
        for session in books.all("checkout.session"):
            intent = books.get(session["payment_intent"] or "")
            voucher = intent["standin"].get("voucher") if intent and intent["status"] == "processing" else None
            if voucher and voucher["at"] + voucher_seconds <= time.time():
                settle_voucher(books, session, succeeds=not voucher["fails"])
        for refund in books.all("refund"):
            plan = refund["standin"]
            if plan.get("becomes") and refund["status"] == "pending" and plan["at"] + refund_seconds <= time.time():
                settle_refund(books, refund, plan["becomes"])


def _capture(
    books: Books, session: Object, intent: Object, card: Card, *, told: str = "checkout.session.completed"
) -> None:
    number = intent["standin"].get("card", "")
    customer = _customer(books, session)
    method = books.make(
        "payment_method",
        type="card",
        customer=customer["id"] if customer and intent["setup_future_usage"] else None,
        card={"brand": "visa", "last4": number[-4:], "exp_month": 8, "exp_year": 2030},
    )
    method["standin"] = {"card": number}
    books.keep(method)
    charge = books.make(
        "charge",
        amount=intent["amount"],
        amount_captured=intent["amount"],
        captured=True,
        paid=True,
        currency=intent["currency"],
        customer=customer["id"] if customer else None,
        metadata=intent["metadata"],
        payment_intent=intent["id"],
        payment_method=method["id"],
        status="succeeded",
        description=intent["description"],
    )
    charge["balance_transaction"] = _transaction(books, charge, intent["amount"])["id"]
    books.keep(charge)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "customer": charge["customer"],
        "payment_method": method["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    books.keep(intent)
    session |= {"status": "complete", "payment_status": "paid", "url": None, "customer": charge["customer"]}
    books.keep(session)
    for kind, about in (("charge.succeeded", charge), ("payment_intent.succeeded", intent), (told, session)):
        books.emit(kind, about)
    if card.dispute:
        dispute(books, intent)
    if card.warning:
        warning = books.make("radar.early_fraud_warning", charge=charge["id"], payment_intent=intent["id"])
        books.emit("radar.early_fraud_warning.created", warning)


def _customer(books: Books, session: Object) -> Object | None:
    if session["customer"]:
        return books.get(session["customer"], "customer")
    if session["customer_creation"] != "always":
        return None
    return books.make("customer", email=session["customer_email"])


def _transaction(books: Books, source: Object, amount: int) -> Object:
    fee = (abs(amount) * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED if amount > 0 else 0
    return books.make(
        "balance_transaction",
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency=source["currency"],
        source=source["id"],
        type=source["object"],
        status="available",
    )


def refund(books: Books, asked: Object) -> Object:
    """POST /v1/refunds."""
    intent = books.get(str(asked.get("payment_intent", "")), "payment_intent")
    if intent is None:
        raise Refused("No such payment_intent.", param="payment_intent", code="resource_missing", status=404)
    charge = books.get(intent["latest_charge"] or "")
    if charge is None:
        raise Refused("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
    left = charge["amount"] - charge["amount_refunded"]
    amount = int(asked.get("amount") or left)
    if not left:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if not 1 <= amount <= left:
        raise Refused(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
    becomes = {"failing": "failed", "pending": "succeeded"}.get(
        CARDS.get(intent["standin"].get("card", ""), Card()).refund, ""
    )
    made = books.make(
        "refund",
        amount=amount,
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=intent["id"],
        metadata=asked.get("metadata", {}),
        reason=asked.get("reason"),
        status="pending" if becomes else "succeeded",
    )
    made["balance_transaction"] = _transaction(books, made, -amount)["id"]
    made["standin"] = {"becomes": becomes, "at": time.time()}
    books.keep(made)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    books.keep(charge)
    books.emit("refund.created", made)
    books.emit("charge.refunded", charge)
    return made


def settle_refund(books: Books, made: Object, status: str, reason: str = "expired_or_canceled_card") -> None:
    """A refund that failed gives its money back to the account."""
    if status == "failed" and made["status"] != "failed":
        charge = books.objects[made["charge"]]
        charge["amount_refunded"] -= made["amount"]
        charge["refunded"] = False
        books.keep(charge)
        made["failure_reason"] = reason
    made["status"] = status
    books.keep(made)
    books.emit("refund.failed" if status == "failed" else "refund.updated", made)


def dispute(books: Books, intent: Object) -> Object:
    charge = books.objects[intent["latest_charge"]]
    made = books.make(
        "dispute",
        amount=charge["amount"],
        charge=charge["id"],
        currency=charge["currency"],
        payment_intent=intent["id"],
        reason="fraudulent",
        status="needs_response",
    )
    books.keep(charge | {"disputed": True})
    books.emit("charge.dispute.created", made)
    return made


def close_dispute(books: Books, made: Object, status: str) -> None:
    made["status"] = status
    books.keep(made)
    books.emit("charge.dispute.closed", made)


def delete_customer(books: Books, customer: Object) -> Object:
    customer["deleted"] = True
    books.keep(customer)
    books.emit("customer.deleted", customer)
    return {"id": customer["id"], "object": "customer", "deleted": True}


def totals(books: Books) -> dict[str, dict[str, int]]:
    """Currency → captured, refunded, pending and fees, in Stripe's units."""
    found: dict[str, dict[str, int]] = {}
    names: dict[Any, str] = {"succeeded": "refunded", "pending": "pending"}
    for intent in books.all("payment_intent"):
        sums = found.setdefault(intent["currency"], dict.fromkeys(("captured", "refunded", "pending", "fees"), 0))
        sums["captured"] += intent["amount_received"]
    for made in books.all("refund"):
        if made["status"] in names:
            found[made["currency"]][names[made["status"]]] += made["amount"]
    for each in books.all("balance_transaction"):
        found[each["currency"]]["fees"] += each["fee"]
    return found
