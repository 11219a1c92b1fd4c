"""Collect every text of code, templates and launch data into locale/<language>/LC_MESSAGES/django.po.

python tools/messages.py            update all catalogues; untranslated texts are listed
python tools/messages.py fr         start a new language: one more file
python tools/messages.py --check    change nothing; fail when a text is not translated
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
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
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


def update(language: str, template: Catalog) -> Catalog:
    """One catalogue brought up to date, in memory."""
    path = path_of(language)
    catalogue = Catalog(locale=language, charset="utf-8")
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    catalogue.fuzzy = False
    catalogue.header_comment = f"# Texts of the shop, {language}. `python tools/messages.py` keeps this file complete."
    catalogue.project, catalogue.version = "launch-reservations", "1"
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "none"
    return catalogue


def path_of(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def write(language: str, catalogue: Catalog) -> None:
    path_of(language).parent.mkdir(parents=True, exist_ok=True)
    with path_of(language).open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False, sort_output=True)


def faults(catalogue: Catalog) -> list[str]:
    """Texts without a translation, and translations whose placeholders are not those of the text."""
    missing = [f"not translated: {message.id}" for message in catalogue if message.id and not message.string]
    wrong = [f"{error}: {message.id}" for message, errors in catalogue.check() if message.string for error in errors]
    return missing + wrong


def main(arguments: list[str]) -> int:
    settings.configure(USE_I18N=True)
    is_check = "--check" in arguments
    languages = [word for word in arguments if word != "--check"]
    languages = languages or sorted(path.parent.parent.name for path in ROOT.glob("locale/*/LC_MESSAGES/django.po"))
    template, count = collect(), 0
    for language in languages:
        catalogue = update(language, template)
        if not is_check:
            write(language, catalogue)
        found = faults(catalogue)
        count += len(found)
        print("\n  ".join([f"{language}: {len(found)} faults in {len(catalogue)} texts", *found]))
    return int(is_check and count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
