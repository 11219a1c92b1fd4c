"""Letters about a place in the line: given, moved, waiting, on hold, taken away."""

from __future__ import annotations

from django.utils.translation import gettext as _

from reservations.jobs.words.shape import About, Facts, Words, arrived, delivery, deposit_asked, no_charge, refundable


def confirmed(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your place %(number)s is reserved: %(product)s") % facts,
        heading=_("Your place is reserved"),
        paragraphs=(
            delivery(about),
            _("Until then nothing is charged. You can cancel on the page of your reservation."),
        ),
    )


def waitlisted(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("You are number %(number)s on the waiting list: %(product)s") % facts,
        heading=_("You are on the waiting list"),
        paragraphs=(
            _("When a place is freed, it goes to the first on the waiting list, and we write to you at once."),
        ),
    )


def promoted(about: About, facts: Facts) -> Words:
    if about.is_due:
        return Words(
            subject=_("A place was freed, please pay the deposit by %(deadline)s: %(product)s") % facts,
            heading=_("A place was freed for you"),
            paragraphs=(
                _("You were first on the waiting list. We hold the place for you until %(deadline)s.") % facts,
                _("It is yours once the deposit of %(deposit)s has arrived. It counts towards the price.") % facts,
                delivery(about),
            ),
            button=_("Pay the deposit"),
        )
    said = _(
        "A place was freed, and you were first on the waiting list. Nothing is charged now, and you can still cancel "
        "on the page of your reservation."
    )
    return Words(
        subject=_("A place was freed, and it is yours: %(product)s") % facts,
        heading=_("Your place is reserved"),
        paragraphs=(said, delivery(about)),
    )


def cancelled(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your reservation is cancelled: %(product)s") % facts,
        heading=_("Your reservation is cancelled"),
        paragraphs=(_("The place was freed, and you need do nothing more."), no_charge(about, facts)),
        has_place=False,
    )


def revoked(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("We had to take your reservation back, nothing to do: %(product)s") % facts,
        heading=_("We had to take your reservation back"),
        paragraphs=(
            _("We are sorry: we cannot keep this place for you. The page of your reservation says why."),
            no_charge(about, facts),
        ),
        has_place=False,
    )


def on_hold(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("On hold, your place is kept: %(product)s") % facts,
        heading=_("Your reservation is on hold; your place is kept"),
        paragraphs=(
            _("It may not go on for now, because of: %(hold)s.") % {"hold": about.hold},
            _(
                "You need not do anything: number and place stay yours, and we write to you as soon as it goes on. "
                "If you would rather not wait, cancel."
            ),
            refundable(about),
        ),
    )


def released(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("It goes on, nothing to do: %(product)s") % facts,
        heading=_("Your reservation goes on"),
        paragraphs=(
            _("What stood in the way is settled: %(hold)s. Your number and your place are what they were.")
            % {"hold": about.hold},
        ),
    )


def moved(about: About, facts: Facts) -> Words:
    kept = _("You keep the rank of the instant at which you first reserved.")
    new = _("The receipt below is the new one; it takes the place of the one before.")
    if about.is_due:
        return Words(
            subject=_("Please pay the deposit by %(deadline)s: %(product)s") % facts,
            heading=_("Your reservation is changed"),
            paragraphs=(
                new,
                kept,
                *deposit_asked(facts),
            ),
            button=_("Pay the deposit"),
        )
    waits = _("All units there are held: you are on the waiting list.")
    return Words(
        subject=_("Your reservation is changed, nothing to do: %(product)s") % facts,
        heading=_("Your reservation is changed"),
        paragraphs=(
            new,
            f"{waits} {kept}" if about.is_waiting else kept,
        ),
    )


def put_back(about: About, facts: Facts) -> Words:
    waits = _("All units are held at the moment: you are first in line for the next that is freed.")
    ready = _("You stand where you stood, at the head of the next wave.")
    return Words(
        subject=_("You are back in line, nothing to do: %(product)s") % facts,
        heading=_("You are back in line"),
        # With a deposit: it came after the place was let go, and brought it back.
        paragraphs=(waits if about.is_waiting else ready, *([arrived(facts)] if about.has_deposit else [])),
    )
