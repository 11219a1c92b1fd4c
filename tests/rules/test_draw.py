"""The draw: one rule that anybody can repeat."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reservations.rules import draw

VERIFIER = Path(__file__).parents[2] / "static" / "verify_draw.py"
SEED = "5eed" * 16
IDS = st.lists(st.text("0123456789abcdef", min_size=24, max_size=24), unique=True)
SEEDS = st.text("0123456789abcdef", min_size=64, max_size=64)


def published(ids: list[str], seed: str = SEED) -> dict[str, Any]:
    return {
        "seed": seed,
        "commitment": draw.commitment(seed),
        "tickets": draw.freeze(ids),
        "tickets_sha256": draw.digest(ids),
        "order": draw.order(ids, seed),
    }


def verify(folder: Path, facts: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    file = folder / "draw.json"
    file.write_text(json.dumps(facts))
    return subprocess.run([sys.executable, "-I", str(VERIFIER), str(file), *words], capture_output=True, text=True)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine says nothing about the rule
@given(IDS, SEEDS)
def test_the_order_holds_everybody_once(ids: list[str], seed: str) -> None:
    assert sorted(draw.order(ids, seed)) == sorted(ids)


@given(IDS, SEEDS, st.randoms())
def test_the_order_of_arrival_does_not_matter(ids: list[str], seed: str, chance: Any) -> None:
    shuffled = list(ids)
    chance.shuffle(shuffled)
    assert draw.order(shuffled, seed) == draw.order(ids + ids[:1], seed)
    assert draw.digest(shuffled) == draw.digest(ids)


@given(IDS, SEEDS)
def test_the_rule_is_the_line_that_the_page_states(ids: list[str], seed: str) -> None:
    scores = {each: hmac.new(seed.encode(), each.encode(), hashlib.sha256).hexdigest() for each in ids}
    assert draw.order(ids, seed) == sorted(ids, key=scores.__getitem__)


def test_the_commitment_is_what_sha256sum_prints() -> None:
    done = subprocess.run(["sha256sum"], input=SEED, capture_output=True, text=True)
    assert done.stdout.split()[0] == draw.commitment(SEED)


def test_every_arrival_has_the_same_chance_of_the_first_place() -> None:
    ids = [f"{n:024x}" for n in range(10)]
    winners = [draw.order(ids, f"{seed:064x}")[0] for seed in range(5000)]
    assert all(400 < winners.count(each) < 600 for each in ids)  # 500 expected, deviation 21


def test_the_verifier_agrees_and_knows_each_place(tmp_path: Path) -> None:
    facts = published([f"{n:024x}" for n in range(500)])
    done = verify(tmp_path, facts, facts["order"][41])
    assert (done.returncode, done.stderr) == (0, "")
    assert facts["commitment"] in done.stdout and "place 42" in done.stdout
    assert verify(tmp_path, facts, "0" * 23 + "z").returncode == 1


def changed(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


@pytest.mark.parametrize("name", ["seed", "commitment", "tickets_sha256"])
def test_one_changed_character_is_found(tmp_path: Path, name: str) -> None:
    facts = published([f"{n:024x}" for n in range(50)])
    done = verify(tmp_path, facts | {name: changed(facts[name])})
    assert done.returncode == 1 and "WRONG" in done.stderr


@pytest.mark.parametrize("name", ["tickets", "order"])
@pytest.mark.parametrize("spoil", ["change", "drop", "swap", "double"])
def test_a_list_that_was_touched_is_found(tmp_path: Path, name: str, spoil: str) -> None:
    facts = published([f"{n:024x}" for n in range(50)])
    rows = list(facts[name])
    rows[7:9] = {
        "change": [changed(rows[7]), rows[8]], "drop": [rows[8]], "swap": [rows[8], rows[7]], "double": rows[7:9] * 2,
    }[spoil]  # fmt: skip
    done = verify(tmp_path, facts | {name: rows})
    assert done.returncode == 1 and "WRONG" in done.stderr


def test_before_the_draw_there_is_only_the_commitment(tmp_path: Path) -> None:
    facts = dict.fromkeys(published([]), None) | {"commitment": draw.commitment(SEED)}
    done = verify(tmp_path, facts)
    assert done.returncode == 1 and "not drawn yet" in done.stderr
