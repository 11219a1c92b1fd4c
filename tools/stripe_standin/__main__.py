"""Run it: python -m stripe_standin --port 4242 --webhook http://localhost:8000/stripe/webhook/ --secret whsec_…"""

from __future__ import annotations

import argparse
import threading
import time

from stripe_standin import money
from stripe_standin.books import Books
from stripe_standin.hooks import Hooks
from stripe_standin.server import Server

CURRENCIES = (
    "aed ars aud bhd brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr isk jod jpy kes krw kwd mop mxn "
    "myr ngn nok nzd omr php pln qar ron sar sek sgd thb tnd try twd uah ugx usd vnd zar"
)


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Stripe. No real money moves.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--webhook", required=True, help="where events are sent")
    parser.add_argument("--secret", required=True, help="by which they are signed")
    parser.add_argument("--state", default="", help="a file that keeps everything over a restart")
    parser.add_argument("--currencies", default=CURRENCIES.replace(" ", ","))
    parser.add_argument("--any-expiry", action="store_true", help="pages of shops whose clock stands elsewhere")
    parser.add_argument("--retry-seconds", type=float, default=1.0)
    parser.add_argument("--voucher-seconds", type=float, default=20.0)
    parser.add_argument("--refund-seconds", type=float, default=2.0)
    given = parser.parse_args()
    books = Books(given.state)
    hooks = Hooks(books, url=given.webhook, secret=given.secret, pause=given.retry_seconds)
    currencies = set(given.currencies.split(","))
    server = Server(
        given.host, given.port, books=books, hooks=hooks, currencies=currencies, any_expiry=given.any_expiry
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        time.sleep(0.5)
        if not given.any_expiry:
            money.expire_what_is_due(books)
        money.settle_what_is_due(books, voucher_seconds=given.voucher_seconds, refund_seconds=given.refund_seconds)


if __name__ == "__main__":
    main()
