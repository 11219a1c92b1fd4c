"""Forms whose JSON lists hold known words, and say which word is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from typing import Any, ClassVar

import pycountry
from django import forms

from reservations.launchdata.files import COUNTRIES
from reservations.models import Market, Product, Requirement, Variant
from reservations.rules import consistency, destinations
from reservations.rules.gate import CAPABILITIES

SUBDIVISIONS = frozenset(
    row.code for row in pycountry.subdivisions if destinations.settle(row.country_code, row.code).code == row.code
)
MOST_LISTED = 20

Known = Callable[[], Collection[str]]


def capabilities() -> Collection[str]:
    return CAPABILITIES


def countries() -> Collection[str]:
    return COUNTRIES


def subdivisions() -> Collection[str]:
    return SUBDIVISIONS


def kinds() -> Collection[str]:
    return [kind for kind, _ in Product.KINDS]


def products() -> Collection[str]:
    return list(Product.objects.values_list("slug", flat=True))


def skus() -> Collection[str]:
    return list(Variant.objects.values_list("sku", flat=True))


def markets() -> Collection[str]:
    return list(Market.objects.values_list("code", flat=True))


def requirements() -> Collection[str]:
    return list(Requirement.objects.values_list("pk", flat=True))


def complaint(value: list[Any], known: Collection[str], what: str) -> str:
    """What is wrong with a list of words, and the remedy; empty when nothing is."""
    unknown = [str(word) for word in value if not isinstance(word, str) or word not in known]
    if not unknown:
        return ""
    close = [match for word in unknown for match in get_close_matches(word, known, n=3, cutoff=0.5)]
    if len(known) <= MOST_LISTED:
        remedy = f"Known: {', '.join(sorted(known))}."
    elif close:
        remedy = f"Did you mean {', '.join(close)}?"
    else:
        remedy = f'Write it like "{min(known)}".'
    return f"Unknown {what}: {', '.join(unknown)}. {remedy}"


def add_faults(form: forms.ModelForm, faults: Iterable[consistency.Fault]) -> None:
    """Each at its field, as a sentence."""
    for field, remedy in faults:
        form.add_error(field, f"{remedy[:1].upper()}{remedy[1:]}.")


class DeskForm(forms.ModelForm):
    """`words`: for a JSON list, what a word of it is called and which are known. An empty box means the default."""

    words: ClassVar[dict[str, tuple[str, Known]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._json_fields():
            self.fields[field].required = False

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        for field in self._json_fields():
            if field in given:
                self._clean_json(field, given)
        return given

    def _json_fields(self) -> list[str]:
        return [name for name, field in self.fields.items() if isinstance(field, forms.JSONField)]

    def _clean_json(self, field: str, given: dict[str, Any]) -> None:
        stored: Any = self._meta.model._meta.get_field(field)
        wanted = type(stored.get_default()) if stored.has_default() else list
        if given[field] is None:
            given[field] = wanted()
        value = given[field]
        if not isinstance(value, wanted):
            example = '["a", "b"]' if wanted is list else '{"name": "value"}'
            self.add_error(field, f"Write a JSON {'list' if wanted is list else 'object'} such as {example}.")
        elif not value and not stored.has_default():
            self.add_error(field, "Name at least one.")
        elif field in self.words:
            what, known = self.words[field]
            error = complaint(value, known(), what)
            if error:
                self.add_error(field, error)
