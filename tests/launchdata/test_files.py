"""The data files: what is wrong is named by file, line and field; nothing is loaded by halves."""

from __future__ import annotations

import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from reservations.actions.loading import CapacityBelowHeld, load_launch
from reservations.actions.reserving import reserve
from reservations.launchdata import BadLaunchData, read_launch_data
from reservations.models import Allotment, Decision, Event, Evidence, Launch, Market, Price, Product, Requirement
from tests.world import AT, allotment, wish


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the data that ships, to be spoilt."""
    return Path(shutil.copytree(settings.BASE_DIR / "data", tmp_path / "data"))


def spoil(folder: Path, file: str, before: str, after: str) -> int:
    """Replace the first occurrence; the number of its line."""
    path = folder / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return text[: text.index(before)].count("\n") + 1


@pytest.mark.parametrize(
    ("file", "before", "after", "field", "remedy"),
    [
        ("requirements.yaml", "    authority: ", "    autority: ", "autority", "unknown field"),
        ("requirements.yaml", "applies_to: [radio,", "applies_to: [telepathy,", "applies_to", "'telepathy' is not"),
        ("requirements.yaml", "stage: ship", "stage: sail", "stage", "'sail' is not one of"),
        ("requirements.yaml", "effect_when_missing: block", "effect_when_missing: may", "effect_when_missing", "'may'"),
        ("requirements.yaml", "condition: wired", "condition: wild", "condition", "is not among the conditions"),
        ("requirements.yaml", "jurisdiction: [US]", "jurisdiction: [UX]", "jurisdiction", "'UX' is not"),
        ("requirements.yaml", "evidence_validity: P", "evidence_validity: Q", "evidence_validity", ""),
        ("markets.yaml", "currency: ", "currency: X", "currency", "is not an ISO 4217 currency"),
        ("markets.yaml", "code: DE", "code: FR", "code", "given twice"),
        ("markets.yaml", "timezone: Europe/", "timezone: Mars/", "timezone", "is not an IANA time zone"),
        ("products.yaml", "kind: ring", "kind: crown", "kind", "'crown' is not one of"),
        ("products.yaml", "sku: S1-TRT", "sku: S1-BLK", "sku", "given twice"),
        ("products.yaml", "origin_cn: true", "origin_cm: true", "origin_cm", "is not among the conditions"),
        ("evidence.yaml", "requirement: ", "requirement: no-", "requirement", "is not a requirement"),
        ("evidence.yaml", "status: approved, sample: true", "status: approved, sample: maybe", "sample", "is not bool"),
        ("passports.yaml", "what: health", "what: dreams", "what", "'dreams' is not one of"),
        ("passports.yaml", "what: gestures", "what: pictures", "what", "pictures needs camera, which this product"),
        ("passports.yaml", "signal: screen", "signal: smoke", "signal", "'smoke' is not one of"),
        ("passports.yaml", "kept: P2Y", "kept: P1Y6M", "kept", "a whole number of years, months or days"),
        ("passports.yaml", "processor: tokyo", "processor: moon", "processor", "'moon' is not a processor"),
        ("passports.yaml", "markets: [JP]", "markets: [JP, KR]", "markets", "KR is in glasses-s1-tokyo-2026-01-01 too"),
        ("passports.yaml", "product: ring", "product: crown", "product", "'crown' is not a product"),
        ("passports.yaml", "contact: privacy@", "contact: privacy", "contact", "is not an e-mail address"),
        ("passports.yaml", "{what: health, ", "{what: gestures, ", "records", "what is recorded by health_sensor"),
        ("launches.yaml", "opens_at: 2026-03-02T02:00:00Z", "opens_at: 2026-03-02T02:00:00", "opens_at", "offset"),
        ("launches.yaml", "per_customer_limit: 2", "per_customer_limit: two", "per_customer_limit", "is not int"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_file_line_and_field(
    folder: Path, file: str, before: str, after: str, field: str, remedy: str
) -> None:
    line = spoil(folder, file, before, after)
    with pytest.raises(BadLaunchData) as caught:
        read_launch_data(folder)
    found = caught.value
    assert (found.file, found.field) == (file, field)
    assert remedy in found.remedy
    assert line - 1 <= found.line <= line + 1
    assert str(found) == f"{file}:{found.line}: {found.row}: {field}: {found.remedy}" and found.row


def test_a_file_that_is_missing_or_no_yaml_is_named(folder: Path) -> None:
    (folder / "markets.yaml").write_text("markets: [\n")
    with pytest.raises(BadLaunchData, match=r"^markets.yaml:\d+: file: "):
        read_launch_data(folder)
    (folder / "markets.yaml").unlink()
    with pytest.raises(BadLaunchData, match=r"^markets.yaml:1: file: "):
        read_launch_data(folder)


def test_a_key_given_twice_is_refused(folder: Path) -> None:
    line = spoil(folder, "launches.yaml", "per_customer_limit: 2", "per_customer_limit: 2\n    per_customer_limit: 3")
    with pytest.raises(BadLaunchData, match=f"launches.yaml:{line + 1}: .*twice"):
        read_launch_data(folder)


def test_no_is_norway() -> None:
    data = read_launch_data(settings.BASE_DIR / "data")
    assert "NO" in {market["code"] for market in data.markets}
    assert all(isinstance(code, str) for row in data.requirements for code in row["jurisdiction"])
    assert any("NO" in row["jurisdiction"] for row in data.requirements)


@pytest.mark.django_db
def test_the_shipped_data_is_whole() -> None:
    assert (Market.objects.count(), Requirement.objects.count(), Product.objects.count()) == (65, 248, 4)
    assert not Evidence.objects.filter(is_sample=False).exists()
    assert not Requirement.objects.filter(source_title="").exists()
    assert Price.objects.values("market").distinct().count() == 65


@pytest.mark.django_db
def test_loading_again_changes_nothing() -> None:
    answers = Decision.objects.order_by("id").values("variant", "market", "answer", "next_change_at")
    before = (Event.objects.count(), list(answers.all()))
    changed = load_launch(data=read_launch_data(settings.BASE_DIR / "data"), at=AT + timedelta(hours=1))
    assert set(changed.values()) == {0}
    assert (Event.objects.count(), list(answers.all())) == before


@pytest.mark.django_db
def test_a_capacity_below_what_is_held_stops_the_whole_load(folder: Path) -> None:
    reserve(wish=wish(quantity=2), at=AT)
    spoil(folder, "products.yaml", "Qianwen AI Glasses S1", "Another name")
    data = read_launch_data(folder)
    pool = next(row for row in data.launches[0]["pools"] if row["pool"] == allotment().pool)
    pool["capacity"]["S1-BLK"] = 1
    with pytest.raises(CapacityBelowHeld, match="2 units already held"):
        load_launch(data=data, at=AT)
    assert not Product.objects.filter(name__en="Another name").exists()


@pytest.mark.django_db
def test_a_capacity_that_grows_goes_to_those_who_wait() -> None:
    data = read_launch_data(settings.BASE_DIR / "data")
    Allotment.objects.filter(pk=allotment().pk).update(capacity=0)
    waiting = reserve(wish=wish(), at=AT)
    load_launch(data=data, at=AT)
    waiting.refresh_from_db()
    assert waiting.status == "confirmed" and allotment().held == 1
    assert [message.kind for message in waiting.messages.order_by("id")] == ["waitlisted", "promoted"]


@pytest.mark.django_db
def test_the_command_says_what_is_wrong_and_loads_nothing(folder: Path) -> None:
    spoil(folder, "products.yaml", "Qianwen AI Glasses S1", "Another name")
    spoil(folder, "launches.yaml", "per_customer_limit: 2", "per_customer_limit: two")
    with pytest.raises(CommandError, match=r"launches.yaml:\d+: glasses-2026: per_customer_limit: 'two' is not int"):
        call_command("load_launch", str(folder), stdout=StringIO())
    assert not Product.objects.filter(name__en="Another name").exists()


@pytest.mark.django_db
def test_the_sandbox_has_a_world_of_its_own() -> None:
    live = Allotment.objects.filter(is_sandbox=False).values_list("launch", "variant", "pool", "capacity")
    sandbox = Allotment.objects.filter(is_sandbox=True).values_list("launch", "variant", "pool", "capacity")
    assert sorted(live) == sorted(sandbox) and Launch.objects.count() == 1
