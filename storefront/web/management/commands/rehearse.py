"""Play a launch against a shop of its own, kill the broker and a worker meanwhile, check the books, write a report.

The shop is that of `make run`, in a folder that is thrown away: a database, a broker, workers and a mailbox of its own,
so that live capacity, mails and money are out of reach.
"""

import sys
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from storefront.rehearsal.performance import BEFORE_SECONDS, PATIENCE_SECONDS, find_offers, perform
from storefront.rehearsal.plan import plan
from storefront.rehearsal.report import write_report
from storefront.rehearsal.shop import NotReady, own_shop
from storefront.rehearsal.verdict import judge
from storefront.rehearsal.visitors import Seen

BAR = 30


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--visitors", type=int, default=500, help="how many come (default 500)")
        parser.add_argument("--seconds", type=float, default=20, help="over how long they come (default 20)")
        parser.add_argument("--seed", type=int, default=1, help="another seed is another launch (default 1)")
        parser.add_argument(
            "--admission", type=int, default=1200, help="let in a minute by the waiting room; 0: there is none"
        )
        parser.add_argument("--no-faults", action="store_true", help="kill nothing")
        parser.add_argument("--report", type=Path, default=settings.VAR_DIR / "rehearsal.html")

    def handle(self, *args: Any, **options: Any) -> None:
        for name, least in (("visitors", 1), ("seconds", 1), ("admission", 0)):
            if not options[name] >= least:  # nor is "nan" a number
                raise CommandError(f"--{name}: give {least} or more")
        began = time.monotonic()
        try:
            held = self._rehearse(**options)
        except NotReady as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['report']}, {time.monotonic() - began:.0f} s")
        if not held:
            sys.exit(1)

    def _rehearse(
        self,
        *,
        visitors: int,
        seconds: float,
        seed: int,
        admission: int,
        no_faults: bool,
        report: Path,
        **_options: Any,
    ) -> bool:
        with own_shop() as shop:
            self.stdout.write("A shop of its own is being set up …")
            api_key = shop.prepare(admission_per_minute=admission)
            shop.start()
            visits = plan(visitors=visitors, seconds=seconds, seed=seed, offers=find_offers(shop.port))
            recording = perform(
                shop=shop,
                api_key=api_key,
                visits=visits,
                seconds=seconds,
                has_faults=not no_faults,
                progress=lambda at, seen: self._show(at, seen, visitors, seconds),
            )
            self.stdout.write("")
            findings = judge(shop, recording.seen)
        for finding in findings:
            self.stdout.write(f"  {'ok' if finding.holds else 'NO'}  {finding.promise} {finding.seen}")
        markets = len({visit.offer.market for visit in visits})
        facts = {"Visitors": visitors, "Markets": markets, "Arrive within": f"{seconds:g} s", "Seed": seed}
        facts["Waiting room"] = f"{admission} a minute" if admission else "none"
        write_report(report, recording=recording, findings=findings, facts=facts)
        return all(finding.holds for finding in findings)

    def _show(self, at: float, seen: Seen, visitors: int, seconds: float) -> None:
        """One line that is written over; on a pipe, nothing."""
        if not self.stdout.isatty():
            return
        share = min(1.0, (at + BEFORE_SECONDS) / (seconds + BEFORE_SECONDS))
        bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
        told = f"{len(seen.arrivals)} of {visitors} came, {len(seen.yes)} have a place"
        ending = f", at most {PATIENCE_SECONDS:.0f} s more" if share == 1 else ""
        self.stdout.write(f"\r{bar} {at:5.1f} s   {told}{ending}   ", ending="")
        self.stdout.flush()
