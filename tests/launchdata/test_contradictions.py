"""Law and evidence that contradict themselves, each other or the map: refused whole, by file, row, field and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import models

from reservations.models import Decision, Event, Evidence, Market, Requirement, Variant

Rows = dict[str, dict[str, Any]]
LAW, PROOF = "requirements.yaml", "evidence.yaml"


class _Plain(yaml.CSafeDumper):
    """Writes no anchors, so that changing one row changes no other."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


@pytest.fixture(scope="module")
def small_law(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped data with two dozen of its requirements, and the evidence for these: quick to read."""
    folder = Path(shutil.copytree(settings.BASE_DIR / "data", tmp_path_factory.mktemp("small") / "data"))
    law, proof = (yaml.load((folder / name).read_text(), yaml.CSafeLoader) for name in (LAW, PROOF))
    kept = {"eu-crd-14-day-withdrawal", "gb-nir-eu-goods-rules", "sanctions-ua-occupied-regions", "us-il-bipa"}
    kept |= {"eu-ai-act-art50-2-marking", "eu-weee-2012-19", "us-ca-iot-security", "gb-psti-2022"}
    named = {row["id"]: row for row in law["requirements"]}
    kept |= set(named["gb-nir-eu-goods-rules"]["inherits"])
    law["requirements"] = [row for row in law["requirements"] if row["id"] in kept]
    proof["evidence"] = [row for row in proof["evidence"] if row["requirement"] in kept]
    write(folder / LAW, law)
    write(folder / PROOF, proof)
    return folder


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.dump(content, Dumper=_Plain, allow_unicode=True, sort_keys=False))


def change(folder: Path, file: str, spoil: Callable[[Rows], object]) -> None:
    content = yaml.load((folder / file).read_text(), yaml.CSafeLoader)
    key = "requirements" if file == LAW else "evidence"
    rows = {row["id"]: row for row in content[key]}
    spoil(rows)
    write(folder / file, content | {key: list(rows.values())})


def put(row: str, **fields: Any) -> Callable[[Rows], object]:
    return lambda rows: rows[row].update(fields)


def copy(row: str, **fields: Any) -> Callable[[Rows], object]:
    """A second row beside one that is there."""
    return lambda rows: rows.update(twin={**rows[row], "id": "twin", **fields})


def stored() -> list[list[dict[str, Any]]]:
    tables: list[type[models.Model]] = [Requirement, Evidence, Market, Variant, Decision, Event]
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


BIPA, WEEE, MARKING, UA = "us-il-bipa", "eu-weee-2012-19", "eu-ai-act-art50-2-marking", "sanctions-ua-occupied-regions"
CASES: list[tuple[str, Callable[[Rows], object], str, str, str]] = [
    (LAW, put(BIPA, condition="reads_minds"), BIPA, "condition", "is not among the conditions of this file"),
    (LAW, put(BIPA, applies_to=["telepathy"]), BIPA, "applies_to", "'telepathy' is not a known capability"),
    (
        LAW,
        put(BIPA, effect_when_missing="forbid"),
        BIPA,
        "effect_when_missing",
        "'forbid' is not one of block, waitlist",
    ),
    (LAW, put(BIPA, stage="dream"), BIPA, "stage", "'dream' is not one of offer, order, ship, operate"),
    (LAW, put(BIPA, subdivisions=["US-XX"]), BIPA, "subdivisions", "'US-XX' is not an ISO 3166-2 subdivision"),
    (
        LAW,
        put(BIPA, subdivisions=["GB-NIR"]),
        BIPA,
        "subdivisions",
        "GB-NIR is in none of the countries under jurisdiction",
    ),
    (LAW, put(BIPA, exclude_subdivisions=["DE-BE"]), BIPA, "exclude_subdivisions", "add DE there or drop it"),
    (LAW, put(UA, review_subdivisions=["RU-MOW"]), UA, "review_subdivisions", "add RU there or drop it"),
    (LAW, put(UA, review_subdivisions=["UA-43"]), UA, "review_subdivisions", "UA-43 is in subdivisions too"),
    (LAW, put(UA, exclude_subdivisions=["UA-43"]), UA, "exclude_subdivisions", "UA-43 is in subdivisions too"),
    (LAW, put(WEEE, jurisdiction=["GP"]), WEEE, "jurisdiction", "GP is the same place as FR-971; write FR-971"),
    (LAW, put(WEEE, jurisdiction=["CN"], subdivisions=["CN-HK"]), WEEE, "subdivisions", "the same place as HK"),
    (LAW, put(WEEE, effective_to=date(2014, 2, 13)), WEEE, "effective_to", "must be after effective_from"),
    (LAW, put(WEEE, effective_to=date(2014, 2, 14)), WEEE, "effective_to", "must be after effective_from"),
    (LAW, put(MARKING, transition_until=date(2026, 8, 2)), MARKING, "transition_until", "must be after effective_from"),
    (LAW, put(MARKING, effective_from=None), MARKING, "transition_until", "must be after effective_from"),
    (LAW, put(WEEE, inherits=[WEEE]), WEEE, "inherits", "cannot inherit itself"),
    (LAW, put(WEEE, inherits=["eu-nothing"]), WEEE, "inherits", "is not a requirement of this file"),
    (LAW, copy(WEEE), "twin", "effective_from", f"overlaps with {WEEE}"),
    (LAW, copy(WEEE, jurisdiction=["DE"], applies_to=["radio"]), "twin", "effective_from", f"overlaps with {WEEE}"),
    (
        LAW,
        copy(WEEE, effect_when_missing="notice"),
        "twin",
        "effect_when_missing",
        f"contradicts {WEEE}, which says waitlist",
    ),
    (
        LAW,
        copy("us-ca-iot-security", subdivisions=["US-OR"]),
        "twin",
        "effective_from",
        "overlaps with us-ca-iot-security",
    ),
    (LAW, copy("gb-psti-2022", exclude_subdivisions=[]), "twin", "effective_from", "overlaps with gb-psti-2022"),
    (
        PROOF,
        put(f"sample-{WEEE}", expires_on=date(2026, 2, 9)),
        f"sample-{WEEE}",
        "expires_on",
        "must be after issued_on",
    ),
    (
        PROOF,
        put(f"sample-{WEEE}", expires_on=date(2026, 2, 10)),
        f"sample-{WEEE}",
        "expires_on",
        "must be after issued_on",
    ),
    (PROOF, put(f"sample-{WEEE}", markets=[]), f"sample-{WEEE}", "markets", f"{WEEE} is proven country by country"),
    (
        PROOF,
        put(f"sample-{WEEE}", subdivisions=["US-CA"]),
        f"sample-{WEEE}",
        "subdivisions",
        "in none of the countries under markets",
    ),
    (
        PROOF,
        put(f"sample-{WEEE}", requirement="eu-nothing"),
        f"sample-{WEEE}",
        "requirement",
        "is not a requirement of",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("file", "spoil", "row", "field", "remedy"), CASES)
def test_what_contradicts_is_refused_by_file_row_and_field_and_nothing_is_stored(
    small_law: Path, tmp_path: Path, file: str, spoil: Callable[[Rows], object], row: str, field: str, remedy: str
) -> None:
    folder = Path(shutil.copytree(small_law, tmp_path / "data"))
    change(folder, file, spoil)
    before = stored()
    with pytest.raises(CommandError) as caught:
        call_command("load_launch", str(folder), stdout=StringIO())
    place, named, where, told = str(caught.value).split(": ", 3)
    assert place.startswith(f"{file}:") and (named, where) == (row, field)
    assert remedy in told
    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spoil",
    [
        copy(WEEE, effective_from=date(2014, 2, 14), effective_to=date(2014, 2, 15), condition="origin_cn"),
        copy(WEEE, stage="order"),
        copy(WEEE, jurisdiction=["CH"]),
        copy("gb-psti-2022", subdivisions=["GB-NIR"], exclude_subdivisions=[]),
        copy(BIPA, subdivisions=["US-TX"]),
        lambda rows: (
            rows[WEEE].update(effective_to=date(2027, 1, 1)),
            copy(WEEE, effective_from=date(2027, 1, 1), effective_to=None)(rows),
        ),
    ],
)
def test_one_law_may_speak_again_elsewhere_later_or_under_a_condition(
    small_law: Path, tmp_path: Path, spoil: Callable[[Rows], object]
) -> None:
    folder = Path(shutil.copytree(small_law, tmp_path / "data"))
    change(folder, LAW, spoil)
    call_command("load_launch", str(folder), stdout=StringIO())
    assert Requirement.objects.filter(id="twin").exists()
