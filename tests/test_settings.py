"""A setting that is wrong ends the start with one line that names it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings

SHOP = {
    "DATABASE_URL": "postgres://shop@127.0.0.1/shop",
    "SECRET_KEY": "for-tests-only-" * 4,
    "SITE_URL": "https://launch.example",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **SHOP, **changes}
    command = [sys.executable, "-c", "import storefront.settings"]
    return subprocess.run(command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True)


def test_a_shop_of_its_own_takes_a_live_key() -> None:
    assert start().returncode == 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"DATABASE_URL": ""}, "STRIPE_SECRET_KEY"),
        ({"SITE_URL": "http://launch.example"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_API_BASE": "http://127.0.0.1:4242"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": "pk_live_x"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"STRIPE_API_BASE": "ftp://x"}, "STRIPE_API_BASE"),
        ({"FULFILMENT_URL": "https://x.example", "FULFILMENT_SECRET": "short"}, "FULFILMENT_SECRET"),
        ({"FULFILMENT_URL": "x.example"}, "FULFILMENT_URL"),
        ({"MAIL_PROVIDER": "pigeons"}, "MAIL_PROVIDER"),
        ({"MAIL_PROVIDER": "brevo"}, "MAIL_PROVIDER_SECRET"),
        ({"MAIL_PROVIDER": "mailgun"}, "MAIL_PROVIDER_SIGNING_KEY"),
    ],
)
def test_what_would_do_harm_by_mistake_is_refused(changes: dict[str, str], name: str) -> None:
    done = start(**changes)
    assert done.returncode == 1 and done.stderr.startswith(f"{name}: ") and done.stderr.count("\n") == 1
