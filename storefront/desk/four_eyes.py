"""Acts that need a second person or a reason: one page that says what will happen, and one sentence a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from reservations.actions import bulk, evidence, four_eyes, inviting, lines, proposing, waving
from reservations.actions.wishes import LimitReached
from reservations.launchdata import BadLaunchData


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a button says, what happens then, and what is said afterwards."""

    label: str
    note: str
    done: str
    needs_reason: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """A row before an act: what it is, and why the act is impossible, if it is."""

    title: str
    facts: SafeString
    refused: str = ""


def officer(request: HttpRequest) -> User:
    """Whoever is signed in; the admin lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def _already(refusal: four_eyes.AlreadyMoved) -> str:
    by = f" (by {refusal.by})" if refusal.by else ""
    return f"Too late: {refusal.subject} is {refusal.status} already{by}."


def _cited(refusal: evidence.Cited) -> str:
    cells = f", among them {', '.join(refusal.cells)}," if refusal.cells else ""
    return f"Decisions{cells} rest on {refusal.evidence}, which is {refusal.status}: it is withdrawn, never deleted."


SENTENCES: dict[type[Exception], Callable[..., str]] = {
    four_eyes.NotAllowed: lambda refusal: (
        f"You lack the permission {refusal.permission}: ask for the group Compliance."
    ),
    four_eyes.OwnWork: lambda refusal: f"You had a hand in {refusal.subject} yourself: a second person has to decide.",
    four_eyes.AlreadyMoved: _already,
    four_eyes.ReasonMissing: lambda _: "Say why: the reason stands in the log.",
    evidence.Unfit: lambda refusal: f"It cannot go on yet. {refusal.field}: {refusal.remedy}",
    evidence.Cited: _cited,
    proposing.NothingDiffers: lambda _: "Nothing differs from what is in force: nothing was proposed.",
    proposing.BaseChanged: lambda refusal: (
        f"{refusal.title}: requirements or evidence have changed since it was proposed, so that something else than "
        "was seen would be applied. Reject it and propose it again."
    ),
    waving.NothingToGive: lambda _: "It reaches nobody now: it has no supply, or nobody waits for it.",
    waving.OutOfOrder: lambda _: "An earlier wave of this launch has yet to be released or dropped.",
    bulk.TooMany: lambda _: f"One act changes at most {bulk.MOST} reservations: choose fewer.",
    bulk.NobodyConcerned: lambda _: "None of those chosen can be changed so.",
    lines.CannotMove: lambda refusal: f"{refusal.reference} is {refusal.status}: this cannot be done.",
    inviting.TooLate: lambda _: "A lapse can be put back for 14 days.",
    LimitReached: lambda refusal: f"This customer would hold more than {refusal.limit} units.",
    BadLaunchData: str,
}
REFUSALS = tuple(SENTENCES)


def sentence(refusal: Exception) -> str:
    return SENTENCES[type(refusal)](refusal)


def act_page(
    page_of: ModelAdmin, request: HttpRequest, row: models.Model, *, act: Act, page: Page, run: Callable[..., object]
) -> HttpResponse:
    """Ask for what the act needs, then do it; a refusal is said where the row is shown."""
    back = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    error = ""
    if request.method == "POST":
        try:
            run(**({"reason": request.POST.get("reason", "")} if act.needs_reason else {}))
        except four_eyes.ReasonMissing as refusal:
            error = sentence(refusal)
        except REFUSALS as refusal:
            messages.error(request, sentence(refusal))
            return redirect(back)
        else:
            messages.success(request, act.done)
            is_there = type(row)._default_manager.filter(pk=row.pk).exists()
            return redirect(back if is_there else f"admin:{row._meta.app_label}_{row._meta.model_name}_changelist")
    context = {
        **page_of.admin_site.each_context(request),
        "title": page.title,
        "opts": page_of.opts,
        "back": back,
        "row": row,
        "act": act,
        "facts": page.facts,
        "refused": page.refused,
        "error": error,
    }
    return TemplateResponse(request, "admin/act.html", context)
