"""The evidence pack of a market, for an authority or a partner: the same facts on the same day are the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db.models import Q

from reservations import VERSION
from reservations.gateways.documents import Documents, NoDocument, kind_of
from reservations.models import Decision, Event, Evidence, Market
from reservations.queries import evidence as papers
from reservations.queries.facts import current_world
from reservations.rules import evidence as life

Fields = Mapping[str, Any]
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
DECISION_FIELDS = (
    "sku", "announce", "reserve", "take_deposit", "ship", "reasons", "notices", "decided_at", "next_change_at",
)  # fmt: skip
EVIDENCE_FIELDS = (
    "id", "requirement", "standing", "products", "variants", "battery", "markets", "subdivisions", "responsible",
    "identifier", "issuer", "issued_on", "expires_on", "file", "sha256", "is_sample", "submitted_by", "submitted_at",
    "approved_by", "approved_at", "withdrawn_at", "replaces",
)  # fmt: skip
LOG_FIELDS = ("at", "actor", "action", "subject", "reason", "facts")


def pack_name(market: str, at: datetime) -> str:
    return f"evidence-pack-{market}-{at:%Y-%m-%d}.zip"


def evidence_pack(*, market: str, at: datetime) -> bytes:
    """A ZIP of decisions, evidence list, documents, log, and a README with the SHA-256 of each file.

    Drafts are no evidence yet and stay out.
    """
    reaching = {row.id for row in current_world().facts.reaching(market)}
    rows = [
        row
        for row in Evidence.objects.filter(status__in=life.SETTLED, requirement_id__in=reaching)
        .select_related("requirement", "submitted_by", "approved_by")
        .order_by("pk")
        if not row.markets or market in row.markets
    ]
    files, missing = _documents(rows)
    decisions = [_decision(row) for row in _decisions(market)]
    listed = [_evidence(row, at) for row in rows]
    files |= {
        "decisions.csv": _csv(DECISION_FIELDS, decisions),
        "decisions.json": _json(decisions),
        "evidence.csv": _csv(EVIDENCE_FIELDS, listed),
        "evidence.json": _json(listed),
        "log.csv": _csv(LOG_FIELDS, [_event(row) for row in _events(market, rows, reaching)]),
    }
    files["README.txt"] = _readme(market, at, files, missing)
    return _zip(files)


def _decisions(market: str) -> Iterable[Decision]:
    return Decision.objects.filter(market=market).select_related("variant").order_by("variant__sku")


def _events(market: str, rows: Sequence[Evidence], requirements: set[str]) -> Iterable[Event]:
    named = {f"evidence:{row.pk}" for row in rows} | {f"requirement:{key}" for key in requirements}
    about = Q(subject__startswith="decision:", subject__endswith=f":{market}") | Q(subject=f"market:{market}")
    return Event.objects.filter(about | Q(subject__in=named), reservation=None).order_by("id")


def _decision(row: Decision) -> Fields:
    answer = row.answer
    return {
        "sku": row.variant.sku,
        **answer["stages"],
        "reasons": [each["requirement"] for each in answer["reasons"]],
        "notices": [f"{each['id']} {each['version']}" for each in answer["notices"]],
        "decided_at": _instant(row.decided_at),
        "next_change_at": _instant(row.next_change_at),
    }


def _evidence(row: Evidence, at: datetime) -> Fields:
    same = "id products variants battery markets subdivisions responsible identifier issuer is_sample".split()
    expires_on = papers.expiry(row)
    return {
        **{name: getattr(row, name) for name in same},
        "requirement": row.requirement_id,
        "standing": papers.standing(row, on=at.date()),
        "issued_on": row.issued_on.isoformat(),
        "expires_on": expires_on.isoformat() if expires_on else "",
        "file": row.document,
        "sha256": row.document_sha256,
        "submitted_by": row.submitted_by.get_username() if row.submitted_by else "",
        "submitted_at": _instant(row.submitted_at),
        "approved_by": row.approved_by.get_username() if row.approved_by else "",
        "approved_at": _instant(row.approved_at),
        "withdrawn_at": _instant(row.withdrawn_at),
        "replaces": row.replaces_id or "",
    }


def _event(row: Event) -> Fields:
    same = {name: getattr(row, name) for name in ("actor", "action", "subject", "reason", "facts")}
    return {"at": _instant(row.at), **same}


def _documents(rows: Sequence[Evidence]) -> tuple[dict[str, bytes], list[str]]:
    """The files, and the evidence whose file is not what it was."""
    documents, files, missing = Documents(settings.DOCUMENTS_DIR), {}, []
    for row in rows:
        if not row.document_sha256:
            continue
        try:
            content = documents.read(row.document_sha256)
        except NoDocument:
            missing.append(row.pk)
            continue
        _, ending = kind_of(content) or ("", "bin")
        files[f"documents/{row.pk}.{ending}"] = content
    return files, missing


def _readme(market: str, at: datetime, files: Mapping[str, bytes], missing: Sequence[str]) -> bytes:
    name = Market.objects.get(code=market).name
    lines = [
        f"Evidence pack: {name} ({market})",
        f"As of {at:%Y-%m-%d} (UTC), launch-reservations {VERSION}",
        "",
        "decisions  what may be announced, reserved, charged and shipped, for each variant, and what forbids it",
        "evidence   the documents that were approved, with who submitted and who approved them",
        "documents  their files, named by the id of the evidence",
        "log        what happened to these decisions, requirements and evidence, oldest first",
        "",
        *([f"Not found in the store: {', '.join(missing)}", ""] if missing else []),
        "SHA-256",
        *(f"{hashlib.sha256(files[path]).hexdigest()}  {path}" for path in sorted(files)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    """In the order of names, with no date and the same rights: nothing but the content decides about the bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, ZIP_EPOCH)
            entry.external_attr, entry.create_system = 0o644 << 16, 3
            archive.writestr(entry, files[path], zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


def _csv(fields: Sequence[str], rows: Iterable[Fields]) -> bytes:
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(fields)
    writer.writerows([_cell(row[field]) for field in fields] for row in rows)
    return table.getvalue().encode()


def _cell(value: Any) -> str:
    """Lists by spaces, the rest as JSON or text; what a spreadsheet takes for a formula begins with an apostrophe."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = " ".join(value)
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _json(rows: Sequence[Fields]) -> bytes:
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""
