"""What the journal tells of workers, living and dead."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reservations.gateways.journal import Accepted, Journal
from tests.jobs.stage import kill, last_page, wait_until
from tests.world import AT

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
MAIL = Accepted(sent_at=AT, recipient="ada@x.example", subject="预订", raw="Subject: …\r\n\r\nHello\r\n")
WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from reservations.gateways.journal import Journal
with Journal(Path(sys.argv[1])).open_page([1, 2, 3], taken_at=datetime.fromisoformat(sys.argv[2])) as page:
    page.hand_over(1)
    print("ready", flush=True)
    sys.stdin.read()
"""


def pages(folder: Path) -> list[Path]:
    return list(folder.glob("*.page"))


def test_a_batch_that_is_settled_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.open_page([1, 2], taken_at=AT) as page:
        page.hand_over(1)
        page.accept(1, MAIL)
    notes = journal.read()
    assert not notes.held and not notes.handed_over and not notes.accepted
    assert not pages(tmp_path)


def test_of_a_dead_worker_each_message_is_told_apart(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with last_page(journal, [1, 2, 3, 4]) as page:
        for message_id in (1, 2, 3):
            page.hand_over(message_id)
        page.accept(1, MAIL)
        page.refuse(2)
    notes = journal.read()
    assert notes.accepted == {(1, AT): MAIL}
    assert notes.handed_over == {(1, AT), (3, AT)} and not notes.held


def test_a_batch_is_held_until_its_worker_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path), AT.isoformat()]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert worker.stdin and worker.stdout
    with worker.stdin, worker.stdout:
        assert worker.stdout.readline() == b"ready\n"
        assert Journal(tmp_path).read().held == {(1, AT), (2, AT), (3, AT)}
        kill(worker)
    wait_until(lambda: not Journal(tmp_path).read().held, "the lock to be gone")
    assert Journal(tmp_path).read().handed_over == {(1, AT)}


def test_half_a_note_spoils_nothing_but_itself(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with last_page(journal, [1, 2]) as page:
        page.hand_over(1)
        (path,) = pages(tmp_path)
        with path.open("ab") as file:
            file.write(b'\n{"accepted": 1, "recip')
        page.hand_over(2)
    assert journal.read().handed_over == {(1, AT), (2, AT)} and not journal.read().accepted


def test_a_lease_of_another_time_is_another_lease(tmp_path: Path) -> None:
    journal, later = Journal(tmp_path), AT + timedelta(seconds=1)
    with last_page(journal, [1]) as page:
        page.hand_over(1)
    assert (1, later) not in journal.read().handed_over


def test_what_the_dead_left_is_thrown_away_once_it_is_settled(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with last_page(journal, [1, 2]):
        pass
    with journal.open_page([3], taken_at=AT):
        journal.forget({(4, AT), (2, AT + timedelta(seconds=1))}, before=LONG_AGO)
        assert len(pages(tmp_path)) == 2
        journal.forget({(2, AT), (3, AT)}, before=LONG_AGO)
        assert journal.read().held == {(3, AT)} and len(pages(tmp_path)) == 1


def test_what_nobody_settles_is_thrown_away_once_it_is_old(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with last_page(journal, [1]):
        pass
    with journal.open_page([2], taken_at=AT):
        for path in pages(tmp_path):
            os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
        journal.forget(set(), before=LONG_AGO)
        assert len(pages(tmp_path)) == 2
        journal.forget(set(), before=AT)
        assert journal.read().held == {(2, AT)} and len(pages(tmp_path)) == 1


def test_all_workers_of_a_folder_share_a_name(tmp_path: Path) -> None:
    assert Journal(tmp_path).name == Journal(tmp_path).name != Journal(tmp_path / "other").name
