"""The outbox through crashes: each message owed is accepted by the mail server once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import redis

from tests.asking import helper
from tests.jobs.stage import (
    beat_command,
    broker,
    free_port,
    kill,
    process,
    relay_command,
    sink,
    wait_until,
    worker_command,
)
from tests.races.stage import empty_database

MESSAGES = 300


def test_300_confirmations_arrive_once_though_worker_and_broker_die(tmp_path: Path) -> None:
    with empty_database("outbox") as environment, broker(tmp_path) as broker_url, sink(tmp_path) as smtp:
        environment |= {
            "REDIS_URL": broker_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{smtp.port}",
            "OUTBOX_QUEUED_SECONDS": "3",
            "OUTBOX_LEASE_SECONDS": "3",
        }
        with helper("tests.jobs.books", environment) as books, process(beat_command(tmp_path), environment):
            books("reserve", str(MESSAGES))
            for share in (0.2, 0.4, 0.6):
                with process(worker_command(), environment) as worker, process(relay_command(), environment) as relay:
                    wait_until(lambda share=share: len(smtp.mails) >= MESSAGES * share, f"{share:.0%} of the mails")
                    kill(worker)
                    kill(relay)
                if share == 0.4:
                    redis.Redis.from_url(broker_url).flushall()
            with process(worker_command(), environment), process(relay_command(), environment):
                wait_until(
                    lambda: sum(books("states").get(state, 0) for state in ("sent", "uncertain")) == MESSAGES,
                    "every message settled",
                )
        recipients = Counter(address for mail in smtp.mails for address in mail["to"])
        assert recipients == Counter({f"customer{number}@x.example": 1 for number in range(MESSAGES)})
        assert all(mail["has_html"] and "QW-" in mail["text"] for mail in smtp.mails)


def test_a_mail_server_that_is_down_delays_the_mail_and_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    with empty_database("down") as environment, broker(tmp_path) as broker_url:
        environment |= {
            "REDIS_URL": broker_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{port}",
            "OUTBOX_QUEUED_SECONDS": "3",
            "OUTBOX_LEASE_SECONDS": "3",
        }
        with (
            helper("tests.jobs.books", environment) as books,
            process(beat_command(tmp_path), environment),
            process(worker_command(), environment),
            process(relay_command(), environment),
        ):
            books("reserve", "3")
            wait_until(lambda: books("attempted") == 3, "each message tried once")
            with sink(tmp_path, port) as smtp:
                wait_until(lambda: books("states") == {"sent": 3}, "the mails to arrive")
                assert len(smtp.mails) == 3
