"""YAML with line numbers. Only `true` and `false` are booleans, so that NO is Norway."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pycountry
import yaml

from reservations.rules import gate

COUNTRIES = frozenset(country.alpha_2 for country in pycountry.countries) | {"XK"}  # Kosovo has a user-assigned code
Fields = dict[str, Any]
IDENTIFIERS = ("id", "slug", "code", "sku", "pool", "product")


class BadLaunchData(ValueError):
    """A data file says something that cannot be loaded. `str()` is "file:line: row: field: remedy".

    The row is named by its id, slug, code, SKU or product; it is left out where there is none.
    """

    def __init__(self, file: str, line: int, field: str, remedy: str, row: str = "") -> None:
        super().__init__(": ".join([f"{file}:{line}", *([row] if row else []), field, remedy]))
        self.file, self.line, self.field, self.remedy, self.row = file, line, field, remedy, row


class _Loader(yaml.CSafeLoader):
    """SafeLoader that leaves yes, no, on and off as text and refuses a key given twice."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


class Mapping(dict[Hashable, Any]):
    """A YAML mapping that knows its line and the line of each of its keys."""

    line: int = 1
    lines: dict[Hashable, int]


def _construct(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    found = Mapping()
    found.line, found.lines = node.start_mark.line + 1, {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, f"{key} cannot be a key", key_node.start_mark)
        if key in found:
            raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = key_node.start_mark.line + 1
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _construct)


@dataclass(frozen=True)
class Row:
    """One mapping of a file, read field by field; every complaint names file, line and field."""

    file: str
    values: Mapping
    owner: str = ""

    @property
    def name(self) -> str:
        """The identifier of this row, or of the row that it is a part of."""
        given = [self.values[field] for field in IDENTIFIERS if field in self.values]
        return str(given[0]) if given else self.owner

    @property
    def line(self) -> int:
        return self.values.line

    def fail(self, field: str, remedy: str) -> BadLaunchData:
        return BadLaunchData(self.file, self.values.lines.get(field, self.line), field, remedy, self.name)

    def allow(self, *fields: str) -> None:
        """Refuse any field that is not named."""
        for field in self.values:
            if field not in fields:
                raise self.fail(str(field), f"unknown field; known are {', '.join(sorted(fields))}")

    def get(self, field: str, kind: type | tuple[type, ...], default: Any = ...) -> Any:
        """The value of a field, checked for its type; without a default it must be there."""
        value = self.values.get(field, default)
        if value is ...:
            raise self.fail(field, "is missing")
        if value is default or (value is None and default is None):
            return default
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise self.fail(field, f"{value!r} is not {' or '.join(k.__name__ for k in kinds)}")
        return value

    def words(self, field: str, known: Callable[[str], bool], what: str, default: Any = ...) -> list[str]:
        """A list of words, each of them known."""
        found = self.get(field, list, default)
        for word in found:
            if not isinstance(word, str) or not known(word):
                raise self.fail(field, f"{word!r} is not {what}")
        return list(found)

    def word(self, field: str, known: Callable[[str], bool], what: str) -> str:
        value = self.get(field, str)
        if not known(value):
            raise self.fail(field, f"{value!r} is not {what}")
        return str(value)

    def row(self, field: str, default: Any = ...) -> Row:
        value = self.get(field, dict, default)
        return Row(self.file, value if isinstance(value, Mapping) else _empty(self.line), self.name)

    def rows(self, field: str) -> Iterator[Row]:
        for value in self.get(field, list):
            if not isinstance(value, Mapping):
                raise self.fail(field, f"{value!r} is not a mapping")
            yield Row(self.file, value, self.name)


def once(row: Row, field: str, seen: set[str]) -> str:
    """A name that is not given twice."""
    name = row.get(field, str)
    if name in seen:
        raise row.fail(field, f"{name!r} is given twice")
    seen.add(name)
    return str(name)


def is_country(word: str) -> bool:
    """An ISO 3166-1 alpha-2 code."""
    return word in COUNTRIES


def is_duration(word: str) -> bool:
    """An ISO 8601 duration of years, months or days."""
    try:
        gate.add_duration(date(2026, 1, 1), word)
    except ValueError:
        return False
    return True


def _empty(line: int) -> Mapping:
    found = Mapping()
    found.line, found.lines = line, {}
    return found


def read_rows(path: Path) -> Row:
    """The top mapping of a YAML file. Raises BadLaunchData when it is missing or is no YAML."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadLaunchData(path.name, 1, "file", error.strerror or "cannot be read") from error
    return parse_rows(path.name, content)


def parse_rows(name: str, content: bytes) -> Row:
    """The top mapping of what a YAML file holds. Raises BadLaunchData when it is no YAML."""
    try:
        # A subclass of SafeLoader: it builds nothing but plain values.
        values = yaml.load(content.decode(), _Loader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadLaunchData(name, line, "file", error.problem or "is not YAML") from error
    except RecursionError as error:
        raise BadLaunchData(name, 1, "file", "is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # a letter that no YAML holds, or a date that no calendar has
        raise BadLaunchData(name, 1, "file", f"is not YAML: {error}") from error
    if not isinstance(values, Mapping):
        raise BadLaunchData(name, 1, "file", "must be a mapping")
    return Row(name, values)
