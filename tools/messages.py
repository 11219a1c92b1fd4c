"""Collect every text of code, templates and launch data into locale/<language>/LC_MESSAGES/django.po.

python tools/messages.py            update all catalogues; untranslated texts are listed
python tools/messages.py fr         start a new language: one more file
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "gettext": None, "gettext_lazy": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
Found = tuple[str | tuple[str, ...], str | None, str]


def from_source(path: Path, source: str) -> Iterator[Found]:
    """Texts of one file, as (text or (singular, plural), context, place)."""
    place = str(path.relative_to(ROOT))
    for _line, text, _comments, context in extract(
        "python", io.BytesIO(source.encode()), KEYWORDS, options={"encoding": "utf-8"}
    ):
        if text:
            yield (text, context, place)


def from_data() -> Iterator[Found]:
    """Texts that customers read in the data files."""
    requirements = yaml.safe_load((ROOT / "data/requirements.yaml").read_text())["requirements"]
    for row in requirements:
        for text in (row["title"], row["customer_facing_notice"]):
            if text:
                yield (text, None, "data/requirements.yaml")
    for product in yaml.safe_load((ROOT / "data/products.yaml").read_text())["products"]:
        specs = [spec["value"] for spec in product.get("reported", {}).values() if isinstance(spec.get("value"), str)]
        for text in (product["tagline"]["en"], *specs):
            yield (text, None, "data/products.yaml")


def collect() -> Catalog:
    """A template catalogue of everything."""
    settings.configure(USE_I18N=True)
    template = Catalog(charset="utf-8")
    found = list(from_data())
    for folder in ("storefront", "reservations"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found += from_source(path, path.read_text())
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in (".html", ".txt") and "admin" not in path.parts:
            # What is not a text is blanked out; the rest must look like one level of Python.
            lines = templatize(path.read_text(), origin=str(path)).splitlines()
            found += from_source(path, "\n".join(line.strip() for line in lines))
    for text, context, place in found:
        template.add(text, locations=[(place, 0)], context=context)
    return template


def update(language: str, template: Catalog) -> list[str]:
    """Bring one catalogue up to date; returns the texts without a translation."""
    path = ROOT / "locale" / language / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = Catalog(locale=language, charset="utf-8")
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=True)
    return [str(message.id) for message in catalogue if message.id and not message.string]


def main() -> None:
    languages = sys.argv[1:] or [path.parent.parent.name for path in ROOT.glob("locale/*/LC_MESSAGES/django.po")]
    template = collect()
    for language in languages:
        missing = update(language, template)
        print(f"{language}: {len(missing)} texts without a translation")
        for text in missing:
            print(f"  {text}")


if __name__ == "__main__":
    main()
