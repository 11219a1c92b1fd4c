"""Letters about an order, its delivery, and the customer's own address and size."""

from __future__ import annotations

from django.utils.translation import gettext as _

from reservations.jobs.words.shape import About, Facts, Words, delivery, no_charge, refundable


def invited(about: About, facts: Facts) -> Words:
    facts = facts | {"hours": str(about.hours)}
    return Words(
        subject=_("Order now, within %(hours)s hours: %(product)s") % facts,
        heading=_("It is your turn to order"),
        paragraphs=(
            _("Your %(product)s is ready. Order on the page of your reservation within %(hours)s hours.") % facts,
            _("The time runs from the delivery of this letter. We remind you before it ends."),
            _("If this wave does not suit you, skip it there: you keep your rank. Doing nothing frees the place."),
            delivery(about),
        ),
        button=_("Order or skip"),
    )


def reminder(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Please order by %(deadline)s: %(product)s") % facts,
        heading=_("Your invitation ends on %(deadline)s") % facts,
        paragraphs=(
            _("Until then the place is yours to order. After that it goes to the next."),
            _("If this wave does not suit you, skip it there: you keep your rank. Doing nothing frees the place."),
        ),
        button=_("Order or skip"),
    )


def texted(about: About, facts: Facts) -> Words:
    """The reminder as a text message: its heading is all of it, beside the link."""
    said = _("Qianwen: please order by %(deadline)s, or skip this wave and keep your rank:") % facts
    return Words(subject=said, heading=said, paragraphs=(), has_place=False, has_receipt=False)


def expired(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your invitation has ended: %(product)s") % facts,
        heading=_("Your invitation has ended"),
        paragraphs=(
            _("You did not order before the deadline, and the place went to the next."),
            no_charge(about, facts),
            _("Was that not what you wanted? Answer within 14 days: we can put you back where you stood."),
        ),
        has_place=False,
    )


def set_aside(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("This wave is skipped, your rank is kept: %(product)s") % facts,
        heading=_("You skip this wave and keep your rank"),
        paragraphs=(_("Waves pass over you until you say on the page of your reservation that you are ready."),),
    )


def ordered(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("You have ordered: %(product)s") % facts,
        heading=_("Thank you for your order"),
        paragraphs=(
            _("This letter confirms it, at the price of the receipt below, which is paid."),
            delivery(about),
            _("You can cancel on the page of your reservation until it ships, and withdraw after delivery as it says."),
        ),
    )


def window(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your delivery window, nothing to do: %(product)s") % facts,
        heading=_("When we expect to deliver"),
        paragraphs=(
            delivery(about),
            _("It follows from your place and from the supply that is planned. We write again only if it changes."),
        ),
    )


def delay(about: About, facts: Facts) -> Words:
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
        paragraphs=(_("We are sorry."), delivery(about), choice, rest, refundable(about)),
        button=_("Wait or cancel"),
    )


def confirm_address(about: About, facts: Facts) -> Words:
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


def size_asked(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your sizing kit comes; then choose your size: %(product)s") % facts,
        heading=_("Your sizing kit comes"),
        paragraphs=(
            _("Try the sizes for a day and a night: fingers change. Then choose on the page of your reservation."),
            _("Your place is kept whatever you choose, and you can choose again until you order."),
        ),
        button=_("Choose the size"),
    )


def new_link(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("The link to your reservation: %(product)s") % facts,
        heading=_("The link to your reservation"),
        paragraphs=(_("You asked for it on our site. If it was not you, do nothing."),),
    )
