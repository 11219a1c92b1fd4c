"""Officers who decide about the same thing at the same moment. Run as a program: prints one JSON line.

python -m tests.races.approvals
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storefront.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connections  # noqa: E402

from reservations.actions import evidence, four_eyes, proposing  # noqa: E402
from reservations.models import Event, Evidence, ProposedChange, Requirement  # noqa: E402
from tests.officers import draft, officer  # noqa: E402
from tests.world import AT  # noqa: E402

OFFICERS = 4


def together(officers: list[User], act: Callable[[User], object]) -> dict[str, int]:
    """How often each outcome came when all act at once."""
    start = threading.Barrier(len(officers))
    seen: Counter[str] = Counter()

    def work(person: User) -> None:
        start.wait()
        try:
            act(person)
            seen["done"] += 1
        except four_eyes.AlreadyMoved as refusal:
            seen[f"too late: {refusal.status}"] += 1
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(person,)) for person in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(seen)


def main() -> None:
    ada, *others = [officer(f"officer{number}") for number in range(OFFICERS + 1)]
    row = draft(ada)
    evidence.submit(evidence_id=row.pk, officer=ada, at=AT)
    approvals = together(others, lambda person: evidence.approve(evidence_id=row.pk, officer=person, at=AT))
    law = Requirement.objects.get(pk="kr-kc-radio")
    law.title = "Another title"
    change = proposing.propose_requirement(requirement=law, officer=ada, at=AT)
    confirmations = together(others, lambda person: proposing.confirm(proposal_id=change.pk, officer=person, at=AT))
    stored = {
        "approvals": approvals,
        "confirmations": confirmations,
        "statuses": [Evidence.objects.get(pk=row.pk).status, ProposedChange.objects.get().status],
        "logged": [Event.objects.filter(action=action).count() for action in ("evidence.approve", "change.applied")],
    }
    print(json.dumps(stored))


if __name__ == "__main__":
    main()
