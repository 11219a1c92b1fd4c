"""Messages: handed to workers by the relay, and sent by a worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from email import message_from_string, policy
from functools import partial

import redis
from celery import Celery
from services import find_free_port

from bench.load import Run
from bench.reserving import Shop, open_shop
from bench.rounds import Plan, Result, interleave, make_result, rates
from bench.rows import grow
from bench.sink import count_mails
from bench.stage import Environment, Stage, connect, wait_for, wait_until
from storefront.processes import list_processes

NAMES = ("relay", "relay_backlog", "confirm")
BACKLOG = 30_000
MAILS_PER_SECOND = 1500  # more than a worker sends in a second
BACKLOG_SECONDS = 2
OWED = "SELECT count(*) FROM reservations_message WHERE state = 'owed'"
OWE_ALL = (
    "UPDATE reservations_message SET state = 'owed', handled_at = NULL, sent_at = NULL, attempts = 0, due_at = now()"
)


def measure(stage: Stage, plan: Plan) -> list[Result]:
    with ExitStack() as stack:
        mail = Mailroom(stage, stack.enter_context(_sink(stage)))
        results = []
        if plan.wants("relay", "relay_backlog"):
            shop = stack.enter_context(open_shop(stage, stack.enter_context(stage.database("sold")) | mail.settings))
            if plan.wants("relay"):
                owed = stack.enter_context(_owing(stage, mail, BACKLOG))
                results.append(_measure_relay(mail, shop, owed, plan))
            if plan.wants("relay_backlog"):
                results.append(_measure_backlog(mail, shop, plan))
            shop.check_books()
        if plan.wants("confirm"):
            count = max(1000, round(MAILS_PER_SECOND * plan.seconds))
            results.append(_measure_confirm(mail, stack.enter_context(_owing(stage, mail, count)), count, plan))
    return results


@dataclass
class Mailroom:
    """Workers of the project, and the mail server that they talk to."""

    stage: Stage
    port: int

    @property
    def settings(self) -> dict[str, str]:
        return {"EMAIL_URL": f"smtp://127.0.0.1:{self.port}"}

    @contextmanager
    def broker(self, environment: Environment) -> Iterator[Celery]:
        """What tasks are sent with; all queues are empty before and afterwards."""
        queue = redis.Redis.from_url(environment["CELERY_BROKER_URL"])
        queue.flushdb()
        with Celery(broker=environment["CELERY_BROKER_URL"], set_as_current=False) as sender:
            yield sender
        queue.flushdb()

    @contextmanager
    def worker(
        self, environment: Environment, sender: Celery, processes: int, app: str = "storefront"
    ) -> Iterator[None]:
        """A worker that sends mails."""
        command = list_processes(0, self.stage.folder, None)["worker"]
        command[command.index("--app") + 1] = app
        command[command.index("--concurrency") + 1] = str(processes)
        with self.stage.process(command, environment, lambda: _answers(sender, "celery@")):
            yield

    @contextmanager
    def relay(self, environment: Environment, sender: Celery) -> Iterator[None]:
        """The worker that has the relay to do."""
        with self.stage.process(
            list_processes(0, self.stage.folder, None)["relay"], environment, lambda: _answers(sender, "relay@")
        ):
            yield

    @contextmanager
    def beat(self, environment: Environment) -> Iterator[None]:
        command = list_processes(0, self.stage.folder, None)["beat"]
        with self.stage.process(command, environment, lambda: True):
            yield


def _answers(sender: Celery, name: str) -> bool:
    return any(worker.startswith(name) for answer in sender.control.ping(timeout=0.3) for worker in answer)


def _start_relay(sender: Celery) -> None:
    sender.send_task("reservations.relay_outbox", queue="relay")


@contextmanager
def _sink(stage: Stage) -> Iterator[int]:
    port = find_free_port()

    def is_up() -> bool:
        with suppress(OSError):
            return count_mails(port) == 0
        return False

    with stage.process([sys.executable, "-m", "bench.sink", str(port)], stage.environment, is_up):
        yield port


@contextmanager
def _owing(stage: Stage, mail: Mailroom, count: int) -> Iterator[Environment]:
    """A database that owes so many mails."""
    with stage.database("owing") as made:
        environment = made | mail.settings
        with open_shop(stage, environment) as shop:
            grow(environment, shop.samples, count, is_sent=False)
        yield environment


def _measure_relay(mail: Mailroom, shop: Shop, owed: Environment, plan: Plan) -> Result:
    lanes = {"relay": lambda _: _relay(mail, owed), "reserve": shop.reserve}
    runs = interleave(lanes, plan)
    return make_result("relay", rates(runs["relay"]), rates(runs["reserve"]))


def _relay(mail: Mailroom, owed: Environment) -> Run:
    """All owed messages handed over by one relay in a real worker."""
    with connect(owed) as connection, mail.broker(owed) as sender, mail.relay(owed, sender):
        connection.execute(OWE_ALL)
        connection.execute("VACUUM ANALYZE reservations_message")
        count = _count_owed(owed)
        _start_relay(sender)
        wait_until(lambda: _count_owed(owed) < count, "the relay to begin")
        left = _count_owed(owed)
        return Run(seconds=wait_until(lambda: _count_owed(owed) == 0, "the relay to end"), answered=left)


def _count_owed(environment: Environment) -> int:
    with connect(environment) as connection:
        row = connection.execute(OWED).fetchone()
    assert row is not None
    return int(row[0])


def _measure_backlog(mail: Mailroom, shop: Shop, plan: Plan) -> Result:
    """Workers and beat at work as in `make run`: how long after the last reservation all is handed over."""
    waits = []
    for number in range(1, plan.runs + 1):
        with ExitStack() as stack:
            sender = stack.enter_context(mail.broker(shop.environment))
            stack.enter_context(mail.worker(shop.environment, sender, 2))
            stack.enter_context(mail.relay(shop.environment, sender))
            stack.enter_context(mail.beat(shop.environment))
            run = shop.reserve(plan.seconds)
            waits.append(wait_for(lambda: _count_owed(shop.environment) == 0))
        print(f"  {number}/{plan.runs}  backlog gone after      {waits[-1]:.2f} s; {run}", flush=True)
    return make_result("relay_backlog", waits, [BACKLOG_SECONDS] * plan.runs)


def _measure_confirm(mail: Mailroom, owed: Environment, count: int, plan: Plan) -> Result:
    first = _send_owed(mail, owed, 1.0)  # so that there is a mail to copy
    print(f"       first turn                {first}", flush=True)
    sample = _read_mail(owed)
    lanes = {"confirm": partial(_send_owed, mail, owed), "bare task": partial(_send_bare, mail, owed, sample, count)}
    runs = interleave(lanes, plan)
    return make_result("confirm", rates(runs["confirm"]), rates(runs["bare task"]))


def _send_owed(mail: Mailroom, owed: Environment, seconds: float) -> Run:
    """What one worker process of ours sends."""
    with connect(owed) as connection:
        connection.execute(OWE_ALL)
        connection.execute("VACUUM ANALYZE reservations_message")
    with mail.broker(owed) as sender, mail.worker(owed, sender, 1), mail.relay(owed, sender):
        before = count_mails(mail.port)
        _start_relay(sender)
        return _watch(mail, before, seconds)


def _send_bare(mail: Mailroom, owed: Environment, sample: tuple[str, str, str], count: int, seconds: float) -> Run:
    """What one worker process sends that has nothing to do but that."""
    with mail.broker(owed) as sender, mail.worker(owed, sender, 1, "bench.bare.tasks"):
        before = count_mails(mail.port)
        with sender.connection_for_write() as connection:
            for _ in range(count):
                sender.send_task("bare.send", (mail.port, *sample), connection=connection)
        return _watch(mail, before, seconds)


def _watch(mail: Mailroom, before: int, seconds: float) -> Run:
    """Mails taken by the sink in so many seconds, counted from when the first have come."""
    wait_until(lambda: count_mails(mail.port) > before + 10, "the first mails")
    begin, first = time.monotonic(), count_mails(mail.port)
    time.sleep(seconds)
    return Run(seconds=time.monotonic() - begin, answered=count_mails(mail.port) - first)


def _read_mail(owed: Environment) -> tuple[str, str, str]:
    """Sender, recipient and text of a mail that was sent."""
    with connect(owed) as connection:
        row = connection.execute("SELECT raw, recipient FROM reservations_message WHERE raw <> '' LIMIT 1").fetchone()
    assert row is not None
    mail = message_from_string(row[0], policy=policy.SMTP)
    return mail["From"].addresses[0].addr_spec, row[1], mail.as_string()
