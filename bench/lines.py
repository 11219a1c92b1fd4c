"""Long lines: what a promotion costs with many who wait, and a wave of many."""

from __future__ import annotations

import json
import sys

from bench.reserving import Shop
from bench.rounds import Plan, Result, make_result
from bench.stage import connect, manage

FEW_WAIT, MANY_WAIT = 10, 100_000
CANCELLED, WAVE, SMALL_WAVE = 10, 50_000, 2_000  # the first of those cancelled warms the process up
MOST_SECONDS, MOST_GROWN = 60.0, 1.5
# The last of the line wait from now on, and no unit is free.
LET_WAIT = """
SET session_replication_role = replica;
WITH line AS (SELECT id, last_place FROM reservations_allotment ORDER BY last_place DESC LIMIT 1),
late AS (
    UPDATE reservations_reservation r SET status = 'waitlisted', confirmed_at = NULL FROM line
    WHERE r.allotment_id = line.id AND r.place_number > line.last_place - {count} AND r.status = 'confirmed'
    RETURNING r.quantity
)
UPDATE reservations_allotment a SET waiting = waiting + (SELECT count(*) FROM late),
    held = held - (SELECT coalesce(sum(quantity), 0) FROM late),
    capacity = held - (SELECT coalesce(sum(quantity), 0) FROM late), last_at = now() FROM line WHERE a.id = line.id
"""
CANCEL = """
import json, time
from datetime import UTC, datetime
from reservations.actions.cancelling import cancel
from reservations.models import Allotment, Reservation
line = Allotment.objects.order_by("-last_place").first()
rows = list(Reservation.objects.filter(allotment=line, status="confirmed").order_by("place_number")[:{count}])
cancel(reservation=rows[0], at=datetime.now(UTC), actor="bench")
begin = time.perf_counter()
for row in rows[1:]:
    cancel(reservation=row, at=datetime.now(UTC), actor="bench")
print(json.dumps((time.perf_counter() - begin) / len(rows[1:])))
"""
RELEASE = """
import json, resource, time
from datetime import UTC, date, datetime
from django.contrib.auth.models import User
from reservations.actions import waving
from reservations.models import Allotment, Message, Wave, WaveSupply
line = Allotment.objects.order_by("-last_place").first()
one, other = (User.objects.get_or_create(username=name, is_superuser=True)[0] for name in ("one", "other"))
def release(count):
    number = Wave.objects.count() + 1
    days = dict(ships_from=date(2027, 9, 1), ships_to=date(2027, 9, 30))
    wave = Wave.objects.create(launch=line.launch, number=number, **days)
    WaveSupply.objects.create(wave=wave, allotment=line, quantity=count)
    waving.propose(wave=wave, at=datetime.now(UTC), officer=one)
    invited = waving.release(wave=wave, at=datetime.now(UTC), officer=other)
    assert invited == count == Message.objects.filter(kind="invited", reservation__wave=wave).count()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

few = release({few})
begin = time.perf_counter()
many = release({count})
print(json.dumps([time.perf_counter() - begin, many / few]))
"""


def measure(small: Shop, grown: Shop, plan: Plan) -> list[Result]:
    """On shops whose lines are long already. Nothing is measured there after it."""
    results = []
    if plan.wants("promote_growth"):
        results.append(_promoting(small, grown, plan))
    if plan.wants("wave"):
        results.append(_waving(grown, plan))
    return results


def _promoting(small: Shop, grown: Shop, plan: Plan) -> Result:
    shops = {"few wait": (small, FEW_WAIT), "many wait": (grown, MANY_WAIT)}
    times: dict[str, list[float]] = {name: [] for name in shops}
    for number in range(1, plan.runs + 1):
        for name, (shop, count) in shops.items():
            with connect(shop.environment) as connection:
                connection.execute(LET_WAIT.format(count=count).encode())
                connection.execute("VACUUM ANALYZE reservations_reservation")
            seconds = float(json.loads(_run(shop, CANCEL.format(count=CANCELLED))))
            times[name].append(seconds * 1000)
            print(f"  {number}/{plan.runs}  cancel and promote, {name:<10}{seconds * 1000:.2f} ms", flush=True)
    return make_result("promote_growth", times["many wait"], times["few wait"])


def _waving(grown: Shop, plan: Plan) -> Result:
    found = []
    for number in range(1, plan.runs + 1):
        seconds, swelled = json.loads(_run(grown, RELEASE.format(count=WAVE, few=SMALL_WAVE)))
        print(
            f"  {number}/{plan.runs}  wave of {WAVE}, {seconds:.1f} s, memory {swelled:.2f} of a small one's",
            flush=True,
        )
        if swelled > MOST_GROWN:
            sys.exit(f"the memory of the process that released a wave grew {swelled:.2f} times that of a small one")
        found.append(float(seconds))
    return make_result("wave", found, [MOST_SECONDS] * len(found))


def _run(shop: Shop, script: str) -> str:
    return manage(shop.environment, "shell", "--no-imports", "--command", script)
