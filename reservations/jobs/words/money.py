"""Letters about deposits and refunds."""

from __future__ import annotations

from django.utils.translation import gettext as _

from reservations.jobs.words.shape import About, Facts, Words, arrived, delivery, deposit_asked


def awaiting_payment(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Please pay the deposit by %(deadline)s: %(product)s") % facts,
        heading=_("Your place is held until %(deadline)s") % facts,
        paragraphs=deposit_asked(facts),
        button=_("Pay the deposit"),
    )


def paid(about: About, facts: Facts) -> Words:
    free = _("We ask for no deposit. Until delivery nothing is charged.")
    return Words(
        subject=_("Your place %(number)s is reserved: %(product)s") % facts,
        heading=_("Your place is reserved"),
        paragraphs=(arrived(facts) if about.has_deposit else free, delivery(about)),
    )


def unpaid(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("Your place was let go, nothing was charged: %(product)s") % facts,
        heading=_("Your place was let go"),
        paragraphs=(
            _("The deposit did not arrive while the place was held for it. Nothing was charged."),
            _("If it still arrives, you get the place again where one is free, or all of it back."),
        ),
        has_place=False,
    )


def refund(about: About, facts: Facts) -> Words:
    return Words(
        subject=_("%(money)s goes back to you, nothing to do: %(product)s") % facts,
        heading=_("We have sent %(money)s back to you") % facts,
        paragraphs=(_("It goes to how you paid. Banks take up to 10 days to show it."),),
        has_place=False,
        has_receipt=False,
    )


def refund_failed(about: About, facts: Facts) -> Words:
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
