"""What customers type: checked for manners here, for truth by the action."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reservations.actions import amending
from reservations.actions.relocating import Change
from reservations.models import Reservation
from reservations.queries import texts
from reservations.rules import destinations, gate

MOST_UNITS = 99


def check_name(value: str) -> str:
    """A name has a letter or digit of some script and no control character."""
    tidy = " ".join(value.split())
    # What is printable has none of these, and is known at once.
    if not tidy.isprintable() and any(unicodedata.category(letter) in ("Cc", "Cs", "Co") for letter in tidy):
        raise ValidationError(_("Leave out control characters."), code="invalid")
    if not any(letter.isalnum() for letter in tidy):
        raise ValidationError(_("Write the name with letters."), code="invalid")
    return tidy


class Tick(forms.CheckboxInput):
    """A checkbox that sends the version of the text it stands beside."""

    def __init__(self, version: str) -> None:
        super().__init__(check_test=lambda value: value == version)
        self.version = version

    def format_value(self, value: Any) -> str:
        return self.version

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str:  # type: ignore[override]  # the version, not a bare yes
        return str(data.get(name, ""))


class ConsentField(forms.Field):
    """Ticked, and beside the text as it stands now."""

    def __init__(self, notice: gate.Notice) -> None:
        super().__init__(label=gettext(notice.text), widget=Tick(notice.version))
        self.version = notice.version

    def validate(self, value: str) -> None:
        if not value:
            raise ValidationError(_("We may only reserve if you agree to this."), code="required")
        if value != self.version:
            raise ValidationError(_("This text has changed. Read it again and tick the box."), code="changed")


class ConsentsForm(forms.Form):
    """A box to tick for each consent that is asked for."""

    PREFIX = "consent_"

    def __init__(self, *args: Any, consents: tuple[gate.Notice, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.consents = consents
        for consent in consents:
            self.fields[f"{self.PREFIX}{consent.id}"] = ConsentField(consent)

    @property
    def ticks(self) -> list[forms.BoundField]:
        return [self[f"{self.PREFIX}{consent.id}"] for consent in self.consents]

    def given_consents(self) -> dict[str, str]:
        """Requirement id → version of each consent that was ticked, as the sent form showed it."""
        return {consent.id: self.cleaned_data[f"{self.PREFIX}{consent.id}"] for consent in self.consents}


class ReservationForm(ConsentsForm):
    """The reservation form of one product and destination; its consents are those that the destination asks for."""

    variant = forms.ChoiceField(label=_("Variant"), widget=forms.RadioSelect)
    quantity = forms.IntegerField(label=_("Quantity"), min_value=1, max_value=MOST_UNITS, initial=1)
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Name"), max_length=200, validators=[], widget=forms.TextInput(attrs={"autocomplete": "name"})
    )

    def __init__(
        self,
        *args: Any,
        market: str,
        variants: list[tuple[str, str]],
        limit: int,
        subdivisions: list[tuple[str, str]],
        asks_subdivision: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["variant"].choices = variants  # type: ignore[attr-defined]
        self.fields["quantity"] = forms.IntegerField(
            label=_("Quantity"),
            min_value=1,
            max_value=limit,
            initial=1,
            error_messages={"max_value": gettext("One customer may reserve at most %(limit)s.") % {"limit": limit}},
        )
        self.places = subdivisions
        if asks_subdivision:
            self.fields["subdivision"] = forms.ChoiceField(
                label=_("State, province or region of delivery"), choices=[("", gettext("Choose …")), *subdivisions]
            )
        self.market = market
        if destinations.asks_postcode(market):
            attributes = {"autocomplete": "postal-code", "spellcheck": "false"}
            self.fields["postcode"] = forms.CharField(
                label=_("Postcode of delivery"),
                max_length=12,
                required=False,
                widget=forms.TextInput(attrs=attributes),
            )
        self.order_fields([name for name in self.fields if not name.startswith(ConsentsForm.PREFIX)])

    def clean_name(self) -> str:
        return check_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        """Region and postcode are of one address."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            destinations.locate(self.market, given.get("subdivision") or None, given.get("postcode", ""))
        except destinations.NotAPostcode as error:
            example = {"example": error.example}
            self.add_error("postcode", gettext("Write a postcode of this country, such as %(example)s.") % example)
        except destinations.PostcodeElsewhere as error:
            self.add_error("postcode", self._elsewhere(error.told))
        return given

    def _elsewhere(self, told: destinations.Place | None) -> str:
        if told is None:
            return gettext("This postcode is not in the region you chose.")
        place = dict(self.places).get(told.code) or texts.country(told.country)
        return gettext("This postcode is in %(place)s: choose that as the place of delivery.") % {"place": place}


class AddressForm(forms.Form):
    """An address to write to."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )


def _line(label: Any, complete: str, length: int = 200, *, required: bool = True) -> forms.CharField:
    attributes = {"autocomplete": complete}
    return forms.CharField(
        label=label,
        max_length=length,
        required=required,
        widget=forms.TextInput(attrs=attributes),
        validators=[no_controls],
    )


def no_controls(value: str) -> None:
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Co") for letter in value):
        raise ValidationError(_("Leave out control characters."), code="invalid")


class ContactForm(AddressForm):
    """Who gets it and where. The country is that of the reservation; another one is a move."""

    name = forms.CharField(label=_("Name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    phone = _line(_("Telephone"), "tel", 40, required=False)
    street = _line(_("Street and number"), "street-address")
    city = _line(_("Town"), "address-level2", 100)
    postcode = _line(_("Postcode"), "postal-code", 12, required=False)
    field_order = ("name", "email", "phone", "street", "postcode", "city")

    def __init__(self, *args: Any, market: str, subdivision: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.market, self.subdivision = market, subdivision

    def clean_name(self) -> str:
        return check_name(self.cleaned_data["name"])

    def clean_postcode(self) -> str:
        """It is of the place that the reservation is for: its rules were decided on."""
        postcode: str = self.cleaned_data["postcode"]
        try:
            destinations.locate(self.market, self.subdivision or None, postcode)
        except destinations.NotAPostcode as error:
            example = {"example": error.example}
            raise ValidationError(
                _("Write a postcode of this country, such as %(example)s."), params=example
            ) from error
        except destinations.PostcodeElsewhere as error:
            raise ValidationError(_("This postcode is in another region. Move the reservation there first.")) from error
        return postcode

    def contact(self) -> amending.Contact:
        given = self.cleaned_data
        address = {line: given[line] for line in ("street", "postcode", "city") if given[line]}
        return amending.Contact(name=given["name"], phone=given["phone"], address=address)


class ChangeForm(forms.Form):
    """What a reservation is for: another variant or country, or fewer units."""

    variant = forms.ChoiceField(label=_("Variant"))
    market = forms.ChoiceField(label=_("Delivery country"))
    quantity = forms.IntegerField(label=_("Quantity"), min_value=1)

    def __init__(
        self,
        *args: Any,
        variants: list[tuple[str, str]],
        markets: list[tuple[str, str]],
        most: int,
        subdivisions: list[tuple[str, str]],
        reservation: Reservation,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["variant"].choices = variants  # type: ignore[attr-defined]
        self.fields["market"].choices = markets  # type: ignore[attr-defined]
        self.fields["quantity"] = forms.IntegerField(
            label=_("Quantity"),
            min_value=1,
            max_value=most,
            error_messages={"max_value": gettext("A change takes no more units. Reserve another place for more.")},
        )
        self.subdivisions, self.reservation = subdivisions, reservation
        if (self.data if self.is_bound else {}).get("subdivision") and subdivisions:
            self._add_subdivision()

    def _add_subdivision(self) -> None:
        choices = [("", gettext("Choose …")), *self.subdivisions]
        self.fields["subdivision"] = forms.ChoiceField(
            label=_("State, province or region of delivery"), choices=choices, required=False
        )

    def ask_subdivision(self) -> None:
        """The rules differ within the country."""
        self._add_subdivision()
        self.add_error("subdivision", gettext("Choose the state, province or region."))

    def change(self) -> Change:
        given = self.cleaned_data
        is_same = given["market"] == self.reservation.market_id
        return Change(
            sku=given["variant"],
            market=given["market"],
            subdivision=given.get("subdivision") or (self.reservation.subdivision if is_same else None) or None,
            quantity=given["quantity"],
        )
