"""Variants whose size is chosen later, and the variants they can become."""

from __future__ import annotations

from collections.abc import Mapping

SIZE, LATER = "size", "later"


def is_open(options: Mapping[str, str]) -> bool:
    return options.get(SIZE) == LATER


def is_size_of(options: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether `options` are those of `other` with a size that is known."""
    rest = {name: value for name, value in options.items() if name != SIZE}
    return options.get(SIZE, LATER) != LATER and rest == {k: v for k, v in other.items() if k != SIZE}
