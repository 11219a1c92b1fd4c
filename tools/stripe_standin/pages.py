"""The pages on which is paid. They work without a script, and say that no real money moves."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from stripe_standin.books import Books, Object

EXPONENTS = {"jpy": 0, "krw": 0, "clp": 0, "vnd": 0, "kwd": 3, "bhd": 3, "jod": 3, "omr": 3, "tnd": 3}
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; background: Canvas; color: CanvasText; }
main { width: min(26rem, calc(100vw - 2rem)); padding: 2rem 0; }
.demo { background: #ffe9a8; color: #3a2c00; padding: .5rem .75rem; border-radius: .5rem; }
h1 { font-size: 1.1rem; font-weight: 500; margin: 1.5rem 0 0; }
.amount { font-size: 2rem; font-weight: 600; margin: 0; }
label { display: block; margin-top: 1rem; font-weight: 500; }
input[type=text] { width: 100%; box-sizing: border-box; font: inherit; padding: .6rem .7rem; border: 1px solid #767676;
  border-radius: .5rem; }
fieldset { border: 0; padding: 0; margin: 1rem 0 0; } fieldset label { font-weight: 400; margin: .25rem 0; }
button { width: 100%; margin-top: 1.25rem; padding: .8rem; font: inherit; font-weight: 600; border: 0;
  border-radius: .5rem; background: #1f4fd8; color: #fff; cursor: pointer; } button.other { background: #5a5f6b; }
.error { border-inline-start: 4px solid #c4320a; padding-inline-start: .75rem; } table { border-collapse: collapse; }
td, th { text-align: start; padding: .25rem .75rem; border-bottom: 1px solid #9994; }
"""


def amount_words(amount: int, currency: str) -> str:
    """In Stripe's units, with the currency's code."""
    places = EXPONENTS.get(currency, 2)
    text = f"{amount / 10**places:,.{places}f}"
    return f"{currency.upper()} {text}"


def page(title: str, body: str) -> bytes:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f'<body><main><p class="demo">Stand-in for Stripe: no real money moves.</p>{body}</main></body></html>'
    ).encode()


def _head(session: Object) -> str:
    words = amount_words(session["amount_total"], session["currency"])
    return f'<h1>{escape(session["standin"]["title"])}</h1><p class="amount">{escape(words)}</p>'


def pay_page(books: Books, session: Object, error: str = "") -> bytes:
    """Card or voucher; a saved card where there is one."""
    back = f'<p><a href="{escape(session["cancel_url"])}">Back to the shop</a></p>'
    if session["status"] == "expired":
        return page("Expired", f"{_head(session)}<p>This page has expired. Nothing was paid.</p>{back}")
    told = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    saved = "".join(
        f'<form method="post"><input type="hidden" name="number" value="{each["standin"]["card"]}">'
        f"<button>Pay with •••• {each['card']['last4']}</button></form>"
        for each in books.all("payment_method")
        if session["customer"] and each["customer"] == session["customer"]
    )
    form = (
        '<form method="post"><label for="number">Card number</label>'
        '<input type="text" id="number" name="number" inputmode="numeric" autocomplete="cc-number" '
        'placeholder="4242 4242 4242 4242"><label for="expiry">Expiry</label>'
        '<input type="text" id="expiry" name="expiry" autocomplete="cc-exp" placeholder="08/30">'
        '<label for="cvc">CVC</label>'
        '<input type="text" id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123">'
        '<fieldset><legend>How</legend><label><input type="radio" name="method" value="card" checked> Card</label>'
        '<label><input type="radio" name="method" value="voucher"> Voucher, paid later at a shop</label></fieldset>'
        '<button id="pay">Pay</button></form>'
    )
    return page("Pay", f"{_head(session)}{told}{saved}{form}{back}")


def authenticate_page(session: Object) -> bytes:
    form = (
        '<p>Your bank asks whether it is you (3-D Secure).</p><form method="post">'
        '<button name="result" value="complete" id="complete">Complete</button>'
        '<button name="result" value="fail" id="fail" class="other">Fail</button></form>'
    )
    return page("3-D Secure", _head(session) + form)


def list_page(books: Books) -> bytes:
    """What is held, for who wants to compare both books by eye."""
    rows = "".join(
        f"<tr><td>{each['id']}</td><td>{escape(each['status'])}</td>"
        f"<td>{escape(amount_words(each['amount'], each['currency']))}</td></tr>"
        for kind in ("payment_intent", "refund")
        for each in reversed(books.all(kind))
    )
    return page("Books", f"<h1>Payments and refunds</h1><table>{rows}</table>")


def success_url(session: Object) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", quote(session["id"]))
