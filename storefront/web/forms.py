"""What customers type: checked for manners here, for truth by the action."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reservations.rules import gate

MOST_UNITS = 99


def check_name(value: str) -> str:
    """A name has a letter or digit of some script and no control character."""
    tidy = " ".join(value.split())
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Co") for letter in tidy):
        raise ValidationError(_("Leave out control characters."), code="invalid")
    if not any(letter.isalnum() for letter in tidy):
        raise ValidationError(_("Write the name with letters."), code="invalid")
    return tidy


class ReservationForm(forms.Form):
    """The reservation form of one product and destination; its consents are those that the destination asks for."""

    attempt = forms.UUIDField(widget=forms.HiddenInput)
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
        variants: list[tuple[str, str]],
        limit: int,
        subdivisions: list[tuple[str, str]],
        consents: tuple[gate.Notice, ...],
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
        if subdivisions:
            self.fields["subdivision"] = forms.ChoiceField(
                label=_("State, province or region of delivery"), choices=[("", gettext("Choose …")), *subdivisions]
            )
        self.consents = consents
        for number, consent in enumerate(consents):
            self.fields[f"consent_{number}"] = forms.BooleanField(
                label=gettext(consent.text), error_messages={"required": _("We may only reserve if you agree to this.")}
            )
            self.fields[f"version_{number}"] = forms.CharField(
                widget=forms.HiddenInput, initial=f"{consent.id} {consent.version}", required=False
            )

    def clean_name(self) -> str:
        return check_name(self.cleaned_data["name"])

    def given_consents(self) -> dict[str, str]:
        """Requirement id → version of each consent that was ticked, as the sent form showed it."""
        given = {}
        for number in range(len(self.consents)):
            if self.cleaned_data.get(f"consent_{number}"):
                identifier, _space, version = self.cleaned_data.get(f"version_{number}", "").partition(" ")
                given[identifier] = version
        return given


class NotifyForm(forms.Form):
    """An address to tell."""

    email = forms.EmailField(
        label=_("E-mail"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )
