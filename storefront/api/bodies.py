"""What partners send, checked for its form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as Invalid
from pydantic_core import PydanticCustomError

from storefront.web.forms import check_name

MOST_UNITS = 1_000_000


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("invalid", "Leave out control characters.")
    return value


def _email(value: str) -> str:
    try:
        validate_email(value)
    except ValidationError as error:
        raise PydanticCustomError("invalid", "Send a valid e-mail address.") from error
    return value


def _name(value: str) -> str:
    try:
        return check_name(value)
    except ValidationError as error:
        raise PydanticCustomError("invalid", "{reason}", {"reason": error.messages[0]}) from error


def _language(value: str) -> str:
    known = [code for code, _name in settings.LANGUAGES]
    if value.lower() not in known:
        raise PydanticCustomError("unknown", "Send one of {known}.", {"known": ", ".join(known)})
    return value.lower()


def text(most: int, least: int = 1) -> Any:
    """A text of so many characters, spaces around it dropped."""
    limits = StringConstraints(strip_whitespace=True, min_length=least, max_length=most)
    return Annotated[str, limits, AfterValidator(_without_nul)]


class Body(BaseModel):
    """Takes JSON's own types as they are, and refuses a field that it does not know."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LineIn(Body):
    sku: text(40)  # type: ignore[valid-type]
    quantity: Annotated[int, Field(ge=1, le=MOST_UNITS)]


class ConsentIn(Body):
    id: text(80)  # type: ignore[valid-type]
    version: text(40)  # type: ignore[valid-type]


def _one_line(lines: list[LineIn]) -> list[LineIn]:
    if len(lines) > 1:
        raise PydanticCustomError("too_many", "One reservation has one line. Send a request for each variant.")
    return lines


class ReservationIn(Body):
    """The body of POST reservations/."""

    market: text(2)  # type: ignore[valid-type]
    subdivision: text(6, 0) | None = None  # type: ignore[valid-type]
    postcode: text(12, 0) = ""  # type: ignore[valid-type]
    language: Annotated[text(12), AfterValidator(_language)]  # type: ignore[valid-type]
    email: Annotated[text(320), AfterValidator(_email)]  # type: ignore[valid-type]
    name: Annotated[text(200), AfterValidator(_name)]  # type: ignore[valid-type]
    phone: text(40, 0) = ""  # type: ignore[valid-type]
    lines: Annotated[list[LineIn], Field(min_length=1), AfterValidator(_one_line)]
    consents: list[ConsentIn] = []
    partner_reference: text(100, 0) = ""  # type: ignore[valid-type]


class AddressIn(Body):
    street: text(200)  # type: ignore[valid-type]
    city: text(100)  # type: ignore[valid-type]
    postcode: text(12, 0) = ""  # type: ignore[valid-type]


class AmendmentIn(Body):
    """The body of PATCH reservations/{id}/: what is to change, and nothing else."""

    market: text(2) | None = None  # type: ignore[valid-type]
    subdivision: text(6, 0) | None = None  # type: ignore[valid-type]
    postcode: text(12, 0) = ""  # type: ignore[valid-type]
    email: Annotated[text(320), AfterValidator(_email)] | None = None  # type: ignore[valid-type]
    name: Annotated[text(200), AfterValidator(_name)] | None = None  # type: ignore[valid-type]
    phone: text(40, 0) | None = None  # type: ignore[valid-type]
    lines: Annotated[list[LineIn], Field(min_length=1), AfterValidator(_one_line)] | None = None
    shipping_address: AddressIn | None = None
    consents: list[ConsentIn] = []


class ConsentsIn(Body):
    """The body of POST reservations/{id}/consents/."""

    consents: list[ConsentIn]


def versions(consents: list[ConsentIn]) -> dict[str, str]:
    """Requirement id → version."""
    return {consent.id: consent.version for consent in consents}


# What was found wrong → code and remedy; others speak for themselves.
_REMEDIES = {
    "missing": ("required", "This field is required."),
    "extra_forbidden": ("unknown", "Unknown field. /api/docs/ lists those that there are."),
    "string_type": ("invalid", "Send a text."),
    "int_type": ("invalid", "Send a whole number."),
    "list_type": ("invalid", "Send a list."),
    "model_type": ("invalid", "Send an object."),
    "string_too_short": ("blank", "Send at least {min_length} characters."),
    "string_too_long": ("max_length", "Send at most {max_length} characters."),
    "too_short": ("empty", "Send at least {min_length}."),
    "greater_than_equal": ("min_value", "Send {ge} or more."),
    "less_than_equal": ("max_value", "Send {le} or less."),
}


def is_json(error: Invalid) -> bool:
    """Whether the body could be read at all."""
    return all(each["type"] != "json_invalid" for each in error.errors(include_url=False, include_input=False))


def field_errors(error: Invalid) -> Iterator[dict[str, str]]:
    """Each field that is wrong, by its path, with a code and what would help."""
    for each in error.errors(include_url=False, include_input=False):
        code, remedy = _REMEDIES.get(each["type"], (each["type"], each["msg"]))
        detail = remedy.format(**each["ctx"]) if "ctx" in each and each["type"] in _REMEDIES else remedy
        yield {"field": ".".join(map(str, each["loc"])) or "body", "code": code, "detail": detail}
