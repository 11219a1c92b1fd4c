"""The figures that are measured: names, units, yardsticks, and what must be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`must` bounds the ratio from below, or from above with `is_limit`."""

    name: str
    unit: str
    against: str
    must: float
    aim: float
    is_limit: bool = False

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.must if self.is_limit else ratio >= self.must


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("reserve_hot", "reservations/s", "pgbench, one statement on one row, 8 clients", 0.60, 1.0),
        Figure("reserve_framework", "reservations/s", "bare Django view that parses the same body", 0.28, 0.45),
        Figure("reserve_spread", "reservations/s", "the same over 100 allotments", 0.85, 0.97),
        Figure("reserve_crowd", "reservations/s", "256 connections against 32", 0.9, 0.97),
        Figure("reserve_tail", "ms, p99", "p50 at 32 connections", 3.0, 2.0, is_limit=True),
        Figure("reserve_growth", "reservations/s", "1,000,000 reservations against none", 0.9, 0.98),
        Figure("sold_out", "refusals/s", "reservations/s before", 1.0, 2.0),
        Figure("reserve_form", "reservations/s", "bare Django view that parses a body", 0.2, 0.3),
        Figure("relay", "messages/s", "reservations/s", 5.0, 10.0),
        Figure("relay_backlog", "s until all is handed over", "2 s after the run", 1.0, 0.5, is_limit=True),
        Figure("confirm", "mails/s", "bare Celery task that sends the same mail", 0.7, 0.9),
        Figure("read_api", "answers/s", "bare Django JSON view", 0.8, 0.9),
        Figure("read_page", "pages/s", "bare Django JSON view", 0.7, 0.85),
        Figure("read_304", "answers/s", "bare Django JSON view", 0.9, 1.0),
        Figure("read_cold", "answers/s", "bare Django JSON view", 0.12, 0.2),
        Figure("status_growth", "ms, p99", "1,000,000 rows against 1,000", 1.3, 1.1, is_limit=True),
        Figure("waiting_room", "polls/s", "bare Django JSON view", 1.5, 2.5),
        Figure("gate_decide", "ms a cell", "2 ms", 1.0, 0.5, is_limit=True),
        Figure("promote_growth", "ms a cancellation", "100,000 who wait against 10", 1.3, 1.1, is_limit=True),
        Figure("wave", "s for 50,000", "60 s", 1.0, 0.5, is_limit=True),
        Figure("admin_growth", "ms, p50", "1,000,000 rows against 1,000", 2.0, 1.2, is_limit=True),
    )
}
