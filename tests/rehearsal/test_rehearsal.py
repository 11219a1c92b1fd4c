"""A small launch with a broker and a worker killed, and the report that tells of it."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from reservations.models import Allotment, Message, Reservation
from storefront.rehearsal.performance import Recording
from storefront.rehearsal.plan import LEAVES, MEDIAN, SHARES, Offer, plan
from storefront.rehearsal.report import draw_plots, percentile, write_report
from storefront.rehearsal.verdict import Finding
from storefront.rehearsal.visitors import Sample, Seen

OFFERS = [Offer("S1-BLK", "glasses-s1", market, ()) for market in ("DE", "JP", "GB")]


def test_the_same_seed_is_the_same_launch_and_another_seed_another() -> None:
    first, again, other = (plan(visitors=400, seconds=20, seed=seed, offers=OFFERS) for seed in (1, 1, 2))
    assert first == again != other


def test_half_come_in_the_first_eighth_of_the_time_and_all_within_it() -> None:
    visits = plan(visitors=4000, seconds=80, seed=3, offers=OFFERS)
    assert [visit.at for visit in visits] == sorted(visit.at for visit in visits)
    assert visits[0].at >= 0 and visits[-1].at < 80
    assert sum(visit.at < 80 * MEDIAN for visit in visits) == pytest.approx(2000, rel=0.1)
    assert {visit.kind for visit in visits} == set(SHARES) and {visit.offer for visit in visits} == set(OFFERS)
    assert not any(visit.by_api for visit in visits if visit.kind == LEAVES)


def test_a_percentile_is_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99)] == [50, 95, 99]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7


def recording() -> Recording:
    seen = Seen(
        samples=[Sample(0.2, "form", 303, 0.05), Sample(1.4, "API", 503, 2.0)],
        arrivals=[0.1, 0.2, 1.1],
        waiting=[(0.5, 4), (2.5, 0)],
    )
    return Recording(seen, faults=[(1.0, "valkey")], mails=[(0.5, 1, 0), (1.5, 2, 1)], reserved=[0.3])


def test_each_plot_tells_the_same_as_its_table() -> None:
    plots = {plot.title: plot for plot in draw_plots(recording())}
    assert plots["Arrivals"].rows[:2] == ((0, ("2",)), (1, ("1",)))
    assert plots["In the waiting room"].rows == ((0, ("4",)), (1, ("4",)), (2, ("0",)))
    assert plots["Mails"].rows[1] == (1, ("2", "1"))
    assert plots["Time to reserve"].rows[1] == (1, ("2000", "2000", "2000"))
    assert plots["Errors"].rows[1] == (1, ("1",))
    for plot in plots.values():
        assert [len(line.points.split()) for line in plot.lines] == [len(plot.rows)] * len(plot.lines)


def test_the_report_needs_nothing_from_elsewhere_and_says_what_was_broken(tmp_path: Path) -> None:
    findings = [Finding("The books balance.", False, "held_units: allotment:7: <4 of 5>")]
    write_report(tmp_path / "report.html", recording=recording(), findings=findings, facts={"Visitors": 3})
    page = (tmp_path / "report.html").read_text()
    assert "The launch did not go well." in page and "&lt;4 of 5&gt;" in page
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page)
    assert page.count("<svg") == page.count("<table>") == 6


@pytest.mark.parametrize(
    ("option", "value"), [("--visitors", "0"), ("--seconds", "0.5"), ("--admission", "-1"), ("--seconds", "nan")]
)
def test_a_number_that_makes_no_launch_is_refused_by_name(option: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=option):
        call_command("rehearse", option, value, "--report", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.django_db
def test_a_launch_with_the_broker_and_a_worker_killed_keeps_every_promise_and_leaves_our_books_alone(
    launch_data: object, tmp_path: Path
) -> None:
    before = list(Allotment.objects.order_by("pk").values_list("pk", "held", "waiting"))
    said = StringIO()
    file = tmp_path / "report.html"
    call_command("rehearse", "--visitors", "120", "--seconds", "6", "--report", file, stdout=said)
    told = said.getvalue()
    assert "NO  " not in told and told.count("  ok  ") == 7
    page = file.read_text()
    assert "The launch went well." in page and "the broker is killed" in page and "a worker is killed" in page
    assert not Reservation.objects.exists() and not Message.objects.exists()
    assert list(Allotment.objects.order_by("pk").values_list("pk", "held", "waiting")) == before
