"""States, refusals and features in words that a customer understands."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reservations.queries import texts
from reservations.queries.availability import Availability
from reservations.queries.waiting import Why
from reservations.rules import gate


def status_words(status: str) -> str:
    """One or two words for a status."""
    return {
        "open": _("Open"),
        "waitlist": _("Waiting list"),
        "announced": _("Not yet open"),
        "notify_only": _("Not available yet"),
        "paused": _("Paused"),
        "blocked": _("Not available"),
    }[status]


def status_meaning(status: str) -> str:
    """What a status means, for the legend of the table."""
    return {
        "open": _("You can reserve now."),
        "waitlist": _("All units are taken; you can join the waiting list."),
        "announced": _("Announced; reservations open later."),
        "notify_only": _("Something the law asks for is still missing; we can tell you when it opens."),
        "paused": _("Reservations are stopped for the moment; places that are held stay held."),
        "blocked": _("The law does not let us offer it here."),
    }[status]


def sentence(row: Availability, country: str, timezone: str) -> str:
    """The state of a product in a market as one sentence."""
    opens = texts.instant(row.opens_at, timezone) if row.opens_at else ""
    facts = {"country": country, "opens": opens}
    if row.status == "open" and not row.decision.stages["ship"]:
        return _("%(country)s: reservations are open. Delivery waits for an approval that is still missing.") % facts
    if row.status == "announced" and opens:
        return _("%(country)s: reservations open on %(opens)s.") % facts
    words = {
        "open": _("%(country)s: reservations are open."),
        "waitlist": _("%(country)s: all units are taken. You can join the waiting list."),
        "announced": _("%(country)s: announced. The opening date is not set yet."),
        "notify_only": _("%(country)s: not available yet. Something the law asks for is still missing."),
        "paused": _("%(country)s: reservations are stopped for the moment."),
        "blocked": _("%(country)s: the law does not let us offer this."),
    }
    return words[row.status] % facts


def waiting_words(why: Why) -> list[str]:
    """Why somebody still waits: each reason a sentence, with its numbers."""
    said = [
        ngettext(
            "%(count)s entry on the waiting list is ahead of you.",
            "%(count)s entries on the waiting list are ahead of you.",
            why.ahead,
        )
        % {"count": why.ahead}
        if why.ahead
        else _("You are the first on the waiting list.")
    ]
    if why.invited:
        words = ngettext(
            "%(count)s unit is held by an invitation that runs.",
            "%(count)s units are held by invitations that run.",
            why.invited,
        )
        said.append(words % {"count": why.invited})
    if why.confirmed:
        words = ngettext(
            "%(count)s unit is held by a confirmed place.",
            "%(count)s units are held by confirmed places.",
            why.confirmed,
        )
        said.append(words % {"count": why.confirmed})
    if why.free:
        words = ngettext(
            "%(count)s unit is free, too few for the first entry.",
            "%(count)s units are free, too few for the first entry.",
            why.free,
        )
        said.append(words % {"count": why.free})
    if why.is_shut:
        said.append(_("Your delivery country is on hold at the moment; freed places still come to you in order."))
    return said


def stage_words(stage: str) -> str:
    return {
        "announce": _("Announce"),
        "reserve": _("Reserve"),
        "take_deposit": _("Take a deposit"),
        "ship": _("Ship"),
        "offer": _("before it is offered"),
        "order": _("before it is reserved"),
        "operate": _("while it is used"),
    }[stage]


def duty_words(stage: str) -> str:
    """When a requirement must be met."""
    return _("before it is shipped") if stage == "ship" else stage_words(stage)


def reason_title(reason: gate.Reason) -> str:
    """What stands in the way, in words."""
    return texts.obstacle(reason.code, reason.title)


def next_change_words(at: datetime | None, timezone: str) -> str | None:
    return texts.instant(at, timezone) if at else None


def records(capabilities: list[str]) -> list[str]:
    """What a product records, from its capabilities."""
    words = {
        "camera": _("Pictures and video, when you start the camera"),
        "microphone": _("Sound, when you speak to the assistant or record"),
        "health_sensor": _("Body signals such as pulse and temperature"),
        "cloud_data": _("Requests to the assistant, which are answered by a data centre"),
    }
    return [text for capability, text in words.items() if capability in capabilities]


def does(capabilities: list[str]) -> list[str]:
    """What a product does, from its capabilities."""
    words = {
        "display": _("Shows text and pictures in your view"),
        "generative_ai": _("Answers by a generative AI assistant, which can be wrong"),
        "audio_output": _("Plays sound"),
        "bluetooth": _("Connects by Bluetooth"),
        "wifi": _("Connects by Wi-Fi"),
        "prescription_optics": _("Can carry prescription lenses"),
    }
    return [text for capability, text in words.items() if capability in capabilities]


def spec_name(name: str) -> str:
    """The name of a specification in words."""
    return {
        "weight_g": _("Weight in grams"),
        "display": _("Display"),
        "camera": _("Camera"),
        "microphones": _("Microphones"),
        "chips": _("Chips"),
        "radios": _("Radio"),
        "battery": _("Battery"),
        "prescription_lenses": _("Prescription lenses"),
        "applications": _("Applications"),
    }.get(name, name.replace("_", " "))
