"""The stand-in speaks as Stripe does: keys and types, errors, idempotency, faults, and what it keeps."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from stripe_standin.books import EXAMPLES
from tests.standin import KEY, Standin, standin


@pytest.fixture(scope="module")
def bank() -> Iterator[Standin]:
    with standin("http://127.0.0.1:9/") as made:
        yield made


def client(bank: Standin, **options: Any) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, base_addresses={"api": bank.base}, **options)


def asked(amount: int = 500, currency: str = "eur", **more: Any) -> Any:
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Deposit"}}
    return {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": "https://shop.example/back",
        "cancel_url": "https://shop.example/",
        "customer_creation": "always",
        "customer_email": "ada@x.example",
        "payment_intent_data": {"setup_future_usage": "off_session"},
        **more,
    }


def session(bank: Standin, **more: Any) -> stripe.checkout.Session:
    return client(bank).v1.checkout.sessions.create(asked(**more))


def types(thing: Any) -> dict[str, type]:
    """By key, where the example says a type: null may be anything."""
    return {key: type(value) for key, value in thing.items() if value is not None}


def test_objects_have_the_keys_and_types_of_stripes_own(bank: Standin) -> None:
    made = session(bank)
    bank.pay(made.id)
    intent = next(each for each in bank.books()["payment_intents"] if each["latest_charge"])
    client(bank).v1.refunds.create({"payment_intent": intent["id"], "amount": 100})
    books = bank.books()
    found = [books[f"{kind}s"][-1] for kind in ("payment_intent", "charge", "refund", "customer", "event")]
    found.append(books["checkout_sessions"][-1])
    for each in found:
        example = EXAMPLES[each["object"]]
        assert example.keys() <= each.keys(), each["object"]
        for key, kind in types(each).items():
            if example.get(key) is not None:
                assert kind is type(example[key]), f"{each['object']}.{key}"


def test_the_same_key_answers_the_same_and_other_words_are_refused(bank: Standin) -> None:
    stripe_ = client(bank, max_network_retries=0).v1.checkout.sessions
    first = stripe_.create(asked(), {"idempotency_key": "k1"})
    again = stripe_.create(asked(), {"idempotency_key": "k1"})
    assert first.id == again.id
    assert [each["replayed"] for each in bank.ask("requests") if each["key"] == "k1"] == [False, True]
    with pytest.raises(stripe.IdempotencyError):
        stripe_.create(asked(amount=600), {"idempotency_key": "k1"})


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"currency": "xpf"}, "line_items[0][price_data][currency]"),
        ({"currency": "kwd", "amount": 1501}, "line_items[0][price_data][unit_amount]"),
        ({"currency": "isk", "amount": 1050}, "line_items[0][price_data][unit_amount]"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"expires_at": 1}, "expires_at"),
    ],
)
def test_what_stripe_refuses_is_refused_by_its_name(bank: Standin, wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        session(bank, **wrong)
    assert refused.value.param == param


def test_a_key_that_is_none_opens_nothing(bank: Standin) -> None:
    stranger = stripe.StripeClient("sk_live_x", base_addresses={"api": bank.base})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.refunds.list()


def test_a_500_after_the_work_is_kept_as_the_answer(bank: Standin) -> None:
    bank.fault("error_after", "/v1/checkout/sessions")
    calls = client(bank, max_network_retries=0).v1.checkout.sessions
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            calls.create(asked(client_reference_id="lost"), {"idempotency_key": "k2"})
    headers = {name.lower(): value for name, value in dict(failed.value.headers or {}).items()}
    assert headers["idempotent-replayed"] == "true"
    assert len([each for each in bank.books()["checkout_sessions"] if each["client_reference_id"] == "lost"]) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "lock", "error_before"])
def test_an_error_before_the_work_is_not_kept(bank: Standin, fault: str) -> None:
    bank.fault(fault, "/v1/checkout/sessions")
    calls = client(bank, max_network_retries=0).v1.checkout.sessions
    with pytest.raises(stripe.StripeError):
        calls.create(asked(), {"idempotency_key": fault})
    assert calls.create(asked(), {"idempotency_key": fault}).status == "open"


def test_no_more_is_refunded_than_was_paid(bank: Standin) -> None:
    made = session(bank)
    bank.pay(made.id)
    intent = client(bank).v1.checkout.sessions.retrieve(made.id).payment_intent
    refunds = client(bank).v1.refunds
    refunds.create({"payment_intent": str(intent), "amount": 400})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        refunds.create({"payment_intent": str(intent), "amount": 101})
    refunds.create({"payment_intent": str(intent)})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refunds.create({"payment_intent": str(intent)})
    assert refused.value.code == "charge_already_refunded"


def send(bank: Standin, path: str, **fields: str) -> tuple[int, str]:
    """As a browser without a script does, but for following where it leads."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *words: Any) -> None:
            return None

    request = urllib.request.Request(bank.base + path, data=urlencode(fields).encode() if fields else None)
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers.get("Location") or answer.read().decode()


def test_the_page_is_paid_once_and_leads_back(bank: Standin) -> None:
    made = session(bank)
    path = f"/pay/{made.id}"
    assert "no real money moves" in send(bank, path)[1]
    assert send(bank, path, number="4000 0000 0000 0002")[0] == 402
    assert send(bank, path, number="1234")[0] == 402
    assert send(bank, path, number="4242 4242 4242 4242") == (303, "https://shop.example/back")
    assert send(bank, path, number="4242 4242 4242 4242") == (303, "https://shop.example/back")
    books = bank.books()
    intent = next(each["payment_intent"] for each in books["checkout_sessions"] if each["id"] == made.id)
    assert len([each for each in books["charges"] if each["payment_intent"] == intent]) == 1


def test_authentication_ends_with_its_page(bank: Standin) -> None:
    made = session(bank)
    assert send(bank, f"/pay/{made.id}", number="4000002760003184")[1].endswith("/authenticate")
    client(bank).v1.checkout.sessions.expire(made.id)
    assert "expired" in send(bank, f"/pay/{made.id}", number="4242424242424242")[1]
    with pytest.raises(stripe.InvalidRequestError, match="Only Checkout Sessions"):
        client(bank).v1.checkout.sessions.expire(made.id)


def test_what_it_holds_outlives_it(tmp_path: Path) -> None:
    state = ["--state", str(tmp_path / "stripe.sqlite3")]
    with standin("http://127.0.0.1:9/", *state) as first:
        made = session(first)
        first.pay(made.id)
    with standin("http://127.0.0.1:9/", *state) as second:
        assert client(second).v1.checkout.sessions.retrieve(made.id).payment_status == "paid"
        assert json.dumps(second.ask("totals"))
