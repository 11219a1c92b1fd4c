"""What a letter about a reservation says, by its kind. The subject says the state and whether anything must be done.

A language is one file, its catalogue in `locale/`. Where letters differ from customer to customer there is a slot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _


class About(Protocol):
    """What the words depend on beside the slots."""

    @property
    def product(self) -> str: ...
    @property
    def window(self) -> tuple[str, str] | None: ...
    @property
    def may_ship(self) -> bool: ...
    @property
    def hold(self) -> str: ...
    @property
    def hours(self) -> int: ...
    @property
    def must_choose(self) -> bool: ...
    @property
    def is_waiting(self) -> bool: ...
    @property
    def has_deposit(self) -> bool: ...
    @property
    def is_due(self) -> bool: ...
    @property
    def has_paid(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Words:
    """`button` is on the link to the customer's page; `has_place` tells whether number and rank are shown."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    button: str = ""
    has_place: bool = True
    has_receipt: bool = True


def slot(name: str) -> str:
    """Where a letter differs from customer to customer."""
    return f"\ue000{name}\ue001"  # characters that no text of ours holds


def words_of(kind: str, about: About) -> Words:
    """In the active language."""
    slots = {name: slot(name) for name in ("number", "deadline", "money", "deposit")}
    return _KINDS[kind](about, {"product": about.product, **slots})


Facts = dict[str, str]


def _delivery(about: About) -> str:
    if not about.may_ship:
        return _("Delivery starts when the approval that is still missing is there. Your place is kept until then.")
    if about.window is None:
        return _("We write to you when the delivery date is set.")
    return _("We plan to deliver between %(start)s and %(end)s.") % {"start": about.window[0], "end": about.window[1]}


def _no_charge(about: About, facts: Facts) -> str:
    """What is said of money where a reservation ends."""
    if about.has_paid:
        return _("What you paid, %(money)s, goes back to how you paid it. Banks take up to 10 days.") % facts
    return _("Nothing was charged.")


def _refundable(about: About) -> str:
    """What cancelling means for money, before it is done."""
    if about.has_deposit:
        return _("Your deposit goes back in full if you cancel.")
    return _("Nothing was charged.")


def _awaiting_payment(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Please pay the deposit by %(deadline)s: %(product)s") % facts,
        heading=_("Your place is held until %(deadline)s") % facts,
        paragraphs=(
            _("It is yours once the deposit of %(deposit)s has arrived. It counts towards the price.") % facts,
            _("You get it back in full if you cancel. Without it the place goes to the next, and nothing is charged."),
        ),
        button=_("Pay the deposit"),
    )


def _paid(about: About, facts: Facts) -> Words:
    if not about.has_deposit:
        said = _("We ask for no deposit. Until delivery nothing is charged.")
    else:
        said = _(
            "Your deposit of %(deposit)s has arrived. It counts towards the price, and goes back in full if you cancel."
        )
    return Words(
        subject=_("Your place %(number)s is reserved: %(product)s") % facts,
        heading=_("Your place is reserved"),
        paragraphs=(said % facts, _delivery(about)),
    )


def _unpaid(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your place was let go, nothing was charged: %(product)s") % facts,
        heading=_("Your place was let go"),
        paragraphs=(
            _("The deposit did not arrive while the place was held for it. Nothing was charged."),
            _("If it still arrives, you get the place again where one is free, or all of it back."),
        ),
        has_place=False,
    )


def _refund(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("%(money)s goes back to you, nothing to do: %(product)s") % facts,
        heading=_("We have sent %(money)s back to you") % facts,
        paragraphs=(_("It goes to how you paid. Banks take up to 10 days to show it."),),
        has_place=False,
        has_receipt=False,
    )


def _refund_failed(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your refund of %(money)s came back, we are on it: %(product)s") % facts,
        heading=_("Your refund came back to us"),
        paragraphs=(
            _("Your bank did not take the %(money)s that we sent back. The money is yours, and we owe it to you.")
            % facts,
            _("We try again or ask you for another way to pay it. Answer this letter if you want to tell us one now."),
        ),
        has_place=False,
        has_receipt=False,
    )


def _confirmed(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your place %(number)s is reserved: %(product)s") % facts,
        heading=_("Your place is reserved"),
        paragraphs=(
            _delivery(about),
            _("Until then nothing is charged. You can cancel on the page of your reservation."),
        ),
    )


def _waitlisted(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("You are number %(number)s on the waiting list: %(product)s") % facts,
        heading=_("You are on the waiting list"),
        paragraphs=(
            _("When a place is freed, it goes to the first on the waiting list, and we write to you at once."),
        ),
    )


def _promoted(about: About, facts: Facts) -> Words:
    if about.is_due:
        return Words(
            subject=_("A place was freed, please pay the deposit by %(deadline)s: %(product)s") % facts,
            heading=_("A place was freed for you"),
            paragraphs=(
                _("You were first on the waiting list. We hold the place for you until %(deadline)s.") % facts,
                _("It is yours once the deposit of %(deposit)s has arrived. It counts towards the price.") % facts,
                _delivery(about),
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
        paragraphs=(said, _delivery(about)),
    )


def _cancelled(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your reservation is cancelled: %(product)s") % facts,
        heading=_("Your reservation is cancelled"),
        paragraphs=(_("The place was freed, and you need do nothing more."), _no_charge(about, facts)),
        has_place=False,
    )


def _revoked(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("We had to take your reservation back, nothing to do: %(product)s") % facts,
        heading=_("We had to take your reservation back"),
        paragraphs=(
            _("We are sorry: we cannot keep this place for you. The page of your reservation says why."),
            _no_charge(about, facts),
        ),
        has_place=False,
    )


def _on_hold(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("On hold, your place is kept: %(product)s") % facts,
        heading=_("Your reservation is on hold; your place is kept"),
        paragraphs=(
            _("It may not go on for now, because of: %(hold)s.") % {"hold": about.hold},
            _(
                "You need not do anything: number and place stay yours, and we write to you as soon as it goes on. "
                "If you would rather not wait, cancel."
            ),
            _refundable(about),
        ),
    )


def _released(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("It goes on, nothing to do: %(product)s") % facts,
        heading=_("Your reservation goes on"),
        paragraphs=(
            _("What stood in the way is settled: %(hold)s. Your number and your place are what they were.")
            % {"hold": about.hold},
        ),
    )


def _moved(about: About, facts: Facts) -> Words:
    kept = _("You keep the rank of the instant at which you first reserved.")
    waits = _("All units there are held: you are on the waiting list.")
    return Words(
        subject=_("Your reservation is changed, nothing to do: %(product)s") % facts,
        heading=_("Your reservation is changed"),
        paragraphs=(
            _("The receipt below is the new one; it takes the place of the one before."),
            f"{waits} {kept}" if about.is_waiting else kept,
        ),
    )


def _invited(about: About, facts: Facts) -> Words:
    facts = facts | {"hours": str(about.hours)}
    return Words(
        subject=_("Order now, within %(hours)s hours: %(product)s") % facts,
        heading=_("It is your turn to order"),
        paragraphs=(
            _("Your %(product)s is ready. Order on the page of your reservation within %(hours)s hours.") % facts,
            _("The time runs from the delivery of this letter. We remind you before it ends."),
            _("If this wave does not suit you, skip it there: you keep your rank. Doing nothing frees the place."),
            _delivery(about),
        ),
        button=_("Order or skip"),
    )


def _reminder(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Please order by %(deadline)s: %(product)s") % facts,
        heading=_("Your invitation ends on %(deadline)s") % facts,
        paragraphs=(
            _("Until then the place is yours to order. After that it goes to the next."),
            _("If this wave does not suit you, skip it there: you keep your rank. Doing nothing frees the place."),
        ),
        button=_("Order or skip"),
    )


def _expired(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your invitation has ended: %(product)s") % facts,
        heading=_("Your invitation has ended"),
        paragraphs=(
            _("You did not order before the deadline, and the place went to the next."),
            _no_charge(about, facts),
            _("Was that not what you wanted? Answer within 14 days: we can put you back where you stood."),
        ),
        has_place=False,
    )


def _set_aside(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("This wave is skipped, your rank is kept: %(product)s") % facts,
        heading=_("You skip this wave and keep your rank"),
        paragraphs=(_("Waves pass over you until you say on the page of your reservation that you are ready."),),
    )


def _put_back(about: About, facts: Facts) -> Words:
    waits = _("All units are held at the moment: you are first in line for the next that is freed.")
    ready = _("You stand where you stood, at the head of the next wave.")
    return Words(
        subject=_("You are back in line, nothing to do: %(product)s") % facts,
        heading=_("You are back in line"),
        paragraphs=(waits if about.is_waiting else ready,),
    )


def _ordered(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("You have ordered: %(product)s") % facts,
        heading=_("Thank you for your order"),
        paragraphs=(
            _("This letter confirms it, at the price of the receipt below, which is paid."),
            _delivery(about),
            _("You can cancel on the page of your reservation until it ships, and withdraw after delivery as it says."),
        ),
    )


def _window(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your delivery window, nothing to do: %(product)s") % facts,
        heading=_("When we expect to deliver"),
        paragraphs=(
            _delivery(about),
            _("It follows from your place and from the supply that is planned. We write again only if it changes."),
        ),
    )


def _delay(about: About, facts: Facts) -> Words:
    if about.must_choose:
        subject = _("Later than we said, please choose by %(deadline)s: %(product)s") % facts
        choice = _("Please say on the page of your reservation by %(deadline)s whether you want to wait.") % facts
        rest = _("Without an answer we cancel it by then, as the law of your country asks.")
    else:
        subject = _("Later than we said, wait or cancel: %(product)s") % facts
        choice = _("If you want to wait, you need do nothing.")
        rest = _("If you would rather not, cancel on the page of your reservation.")
    return Words(
        subject=subject,
        heading=_("It comes later than we said"),
        paragraphs=(_("We are sorry."), _delivery(about), choice, rest, _refundable(about)),
        button=_("Wait or cancel"),
    )


def _confirm_address(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Please confirm your new e-mail address: %(product)s") % facts,
        heading=_("Is this your new address?"),
        paragraphs=(
            _("Somebody, most likely you, asked to send everything about this reservation here from now on."),
            _("It counts once you confirm it. The old link then opens nothing more. If it was not you, do nothing."),
        ),
        button=_("Confirm this address"),
        has_place=False,
        has_receipt=False,  # whose address it is nobody knows yet
    )


def _size_asked(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your sizing kit comes; then choose your size: %(product)s") % facts,
        heading=_("Your sizing kit comes"),
        paragraphs=(
            _("Try the sizes for a day and a night: fingers change. Then choose on the page of your reservation."),
            _("Your place is kept whatever you choose, and you can choose again until you order."),
        ),
        button=_("Choose the size"),
    )


def _new_link(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("The link to your reservation: %(product)s") % facts,
        heading=_("The link to your reservation"),
        paragraphs=(_("You asked for it on our site. If it was not you, do nothing."),),
    )


_KINDS: dict[str, Callable[[About, Facts], Words]] = {
    "awaiting_payment": _awaiting_payment,
    "paid": _paid,
    "unpaid": _unpaid,
    "refund": _refund,
    "refund_failed": _refund_failed,
    "confirmed": _confirmed,
    "waitlisted": _waitlisted,
    "promoted": _promoted,
    "cancelled": _cancelled,
    "revoked": _revoked,
    "on_hold": _on_hold,
    "released": _released,
    "moved": _moved,
    "invited": _invited,
    "reminder": _reminder,
    "expired": _expired,
    "set_aside": _set_aside,
    "put_back": _put_back,
    "ordered": _ordered,
    "window": _window,
    "delay": _delay,
    "size_asked": _size_asked,
    "confirm_address": _confirm_address,
    "new_link": _new_link,
}
KINDS = tuple(_KINDS)
