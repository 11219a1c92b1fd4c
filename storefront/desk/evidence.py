"""Evidence: drafts are written here; submitting, approving, rejecting and withdrawing are acts of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reservations.actions import evidence as acts
from reservations.actions.four_eyes import require
from reservations.gateways.documents import MOST_BYTES, BadDocument, Documents, NoDocument, kind_of
from reservations.models import Event, Evidence, Market, Requirement
from reservations.queries import evidence as papers
from reservations.queries.pack import evidence_pack, pack_name
from reservations.rules import consistency, gate, identifiers
from reservations.rules import evidence as life
from storefront import clock
from storefront.desk import four_eyes, tables, words
from storefront.desk.four_eyes import Act, Page, officer
from storefront.desk.logged import Logged, write

DELETE = "delete"
ACTS = {
    life.SUBMIT: Act(
        label="Submit",
        note="It goes to a second person for approval and cannot be edited meanwhile.",
        done="Submitted. A second person of the group Compliance can approve it now.",
    ),
    life.APPROVE: Act(
        label="Approve",
        note="You have compared it with the document. The gate decides with it at once, and it never changes again.",
        done="Approved. The gate decides with it as of now.",
    ),
    life.REJECT: Act(
        label="Reject", note="It becomes a draft again.", done="Rejected: it is a draft again.", needs_reason=True
    ),
    life.WITHDRAW: Act(
        label="Withdraw",
        note="The gate decides without it at once. This cannot be undone: another document has to replace it.",
        done="Withdrawn. The gate decides without it as of now.",
        needs_reason=True,
    ),
    DELETE: Act(label="Delete", note="The draft is gone afterwards; its file stays.", done="Deleted."),
}
RUNS: dict[str, Callable[..., object]] = {
    life.SUBMIT: acts.submit,
    life.APPROVE: acts.approve,
    life.REJECT: acts.reject,
    life.WITHDRAW: acts.withdraw,
    DELETE: acts.delete,
}
SHOWN = (
    "requirement_id", "products", "variants", "battery", "markets", "subdivisions", "responsible", "identifier",
    "issuer", "issued_on", "document",
)  # fmt: skip


class EvidenceForm(words.DeskForm):
    words = {
        "products": ("product", words.products),
        "variants": ("SKU", words.skus),
        "markets": ("country", words.countries),
        "subdivisions": ("subdivision", words.subdivisions),
    }
    file = forms.FileField(
        required=False, help_text="PDF, PNG or JPEG, at most 20 MB. Only the group Compliance can read it."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self._json_fields():
            self.fields[field].widget.attrs["rows"] = 2

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if not given.get("products") and not given.get("variants") and not self.errors:
            raise forms.ValidationError("Name the products or variants that this document covers.")
        self._clean_dates(given)
        self._clean_identifiers(given)
        if given.get("requirement") and not {"markets", "subdivisions"} & self.errors.keys():
            words.add_faults(self, consistency.evidence_faults(given, vars(given["requirement"])))
        if given.get("file") and not self.errors:
            self._keep(given)
        return given

    def _clean_dates(self, given: dict[str, Any]) -> None:
        """The usual validity is proposed where no expiry is given."""
        issued, ends = given.get("issued_on"), given.get("expires_on")
        requirement: Requirement | None = given.get("requirement")
        if issued is None or self.errors.get("expires_on"):
            return
        if ends is None and requirement is not None and requirement.evidence_validity:
            ends = given["expires_on"] = gate.add_duration(issued, requirement.evidence_validity)
        if ends is not None and ends <= issued:
            self.add_error("expires_on", f"It was issued on {issued}. Write a later day.")
        elif ends is not None and ends <= clock.now().date():
            self.add_error("expires_on", f"It ended on {ends}. Only a document that is still valid counts.")

    def _clean_identifiers(self, given: dict[str, Any]) -> None:
        requirement: Requirement | None = given.get("requirement")
        if requirement is not None and given.get("identifier") and not self.instance.is_sample:
            wrong = identifiers.complaint(requirement=requirement.pk, identifier=given["identifier"])
            if wrong:
                self.add_error("identifier", wrong)
        wrong = identifiers.complaint_in_text(given.get("responsible") or "")
        if wrong:
            self.add_error("responsible", wrong)

    def _keep(self, given: dict[str, Any]) -> None:
        file = given["file"]
        try:
            content = file.read(MOST_BYTES + 1)  # no more than it takes to see that it is too large
            self.instance.document_sha256 = Documents(settings.DOCUMENTS_DIR).keep(content)
        except BadDocument as error:
            self.add_error("file", str(error))
        else:
            given["document"] = given.get("document") or file.name[:300]


class StandingFilter(admin.SimpleListFilter):
    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(word, word) for word in life.STANDINGS]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Evidence]) -> models.QuerySet[Evidence]:
        wanted = self.value()
        if wanted not in life.STANDINGS:
            return queryset
        return queryset.filter(pk__in=papers.ids_standing({wanted}, on=clock.now().date()))


class WaitingFilter(admin.SimpleListFilter):
    title = "who has to act"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("me", "needs my approval")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Evidence]) -> models.QuerySet[Evidence]:
        return queryset.filter(pk__in=papers.waiting_for(officer(request))) if self.value() == "me" else queryset


@admin.register(Evidence)
class EvidenceAdmin(Logged):
    form = EvidenceForm
    actions = None
    change_form_template = "admin/acts.html"
    list_display = ["id", "standing", "issued_on", "ends", "file_mark", "sample_mark", "requirement"]
    list_per_page = 50
    list_select_related = ["requirement"]
    list_filter = [WaitingFilter, StandingFilter, "is_sample"]
    search_fields = ["id", "requirement__id", "identifier"]
    autocomplete_fields = ["requirement"]
    ordering = ["id"]
    fieldsets = [
        (None, {"fields": ["id", "standing", "requirement", "identifier", "issuer", "issued_on", "expires_on"]}),
        ("Covers", {"fields": ["products", "variants", "battery", "markets", "subdivisions", "responsible"]}),
        ("Document", {"fields": ["document", "kept"]}),
        ("What happened", {"fields": ["replaces", "is_sample", "history"]}),
    ]
    readonly_fields = ["standing", "kept", "replaces", "is_sample", "history"]

    def get_fieldsets(self, request: HttpRequest, obj: Evidence | None = None) -> Any:
        """A file is chosen where the draft can still be edited."""
        may_edit = obj is None or self.has_change_permission(request, obj)
        files = ["document", *(["file"] if may_edit else []), "kept"]
        return [(name, {"fields": files} if name == "Document" else options) for name, options in self.fieldsets]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Evidence | None:
        """What is about to be saved is locked first: it must be a draft still."""
        if request.method == "POST":
            list(Evidence.objects.select_for_update().filter(pk=object_id).values_list("pk"))
        return super().get_object(request, object_id, from_field)

    def has_change_permission(self, request: HttpRequest, obj: Evidence | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.status == life.DRAFT)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("pack/<str:market>/", view(self.pack_view), name="evidence_pack"),
            path("<slug:pk>/document/", view(self.document_view), name="evidence_document"),
            path("<slug:pk>/act/<slug:verb>/", view(self.act_view), name="evidence_act"),
            *super().get_urls(),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A replacement begins as a copy, without what makes it another document."""
        old = Evidence.objects.filter(pk=request.GET.get("replaces", ""), status=life.APPROVED).first()
        if old is None:
            return super().get_changeform_initial_data(request)
        same = "requirement products variants battery markets subdivisions responsible issuer".split()
        return {name: getattr(old, name) for name in same} | {"id": f"{old.pk}-next"[:100]}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = Evidence.objects.filter(pk=object_id).first()
        context = {"acts": self._links(request, row), "advice": self._advice(request, row)} if row else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def _links(self, request: HttpRequest, row: Evidence) -> list[dict[str, str]]:
        person = officer(request)
        may = {
            life.SUBMIT: self.has_change_permission(request),
            life.APPROVE: person.has_perm("reservations.approve_evidence") and not self._is_own(request, row),
            life.REJECT: self.has_change_permission(request),
            life.WITHDRAW: person.has_perm("reservations.approve_evidence"),
        }
        found = [
            {"label": ACTS[move].label, "url": reverse("admin:evidence_act", args=[row.pk, move])}
            for move in life.moves_from(row.status)
            if may[move]
        ]
        if row.status == life.APPROVED and self.has_add_permission(request):
            add = reverse("admin:reservations_evidence_add")
            found.append({"label": "Replace", "url": f"{add}?replaces={row.pk}"})
        return found

    def _is_own(self, request: HttpRequest, row: Evidence) -> bool:
        return row.authors.filter(pk=officer(request).pk).exists()

    def _advice(self, request: HttpRequest, row: Evidence) -> str:
        if row.status == life.SUBMITTED and self._is_own(request, row):
            return "You had a hand in it yourself: a second person approves it."
        if row.status in life.SETTLED:
            return "Approved evidence never changes: replace it by another document, or withdraw it."
        return ""

    def act_view(self, request: HttpRequest, pk: str, verb: str) -> HttpResponse:
        """One page an act: what is acted on, what will happen, and a reason where one is needed."""
        row = get_object_or_404(Evidence.objects.select_related("requirement"), pk=pk)
        if verb not in ACTS or not self.has_view_permission(request, row):
            raise Http404
        what: dict[str, Any] = {"evidence_id": pk, "officer": officer(request), "at": clock.now()}
        act = ACTS[verb]
        page = Page(title=f"{act.label} {pk}", facts=self._facts(row), refused=self._refused(row, verb))
        return four_eyes.act_page(self, request, row, act=act, page=page, run=partial(RUNS[verb], **what))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.act_view(request, object_id, DELETE)

    def _refused(self, row: Evidence, verb: str) -> str:
        """Why the act is impossible whoever asks; what depends on the person is said when they try."""
        if verb == DELETE and row.status in life.SETTLED:
            cells = tuple(papers.cells_resting_on(row, at=clock.now()))
            return four_eyes.sentence(acts.Cited(row.pk, row.status, cells))
        if verb != DELETE and verb not in life.moves_from(row.status):
            return f"{row.pk} is {row.status}."
        return ""

    def _facts(self, row: Evidence) -> SafeString:
        columns = {field.attname: str(field.verbose_name).capitalize() for field in Evidence._meta.concrete_fields}
        named = [(columns[name], getattr(row, name)) for name in SHOWN if getattr(row, name)]
        shown = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in named]
        wanted, ends = row.requirement.evidence_wanted, papers.expiry(row) or "never"
        return tables.facts([("Wanted", wanted), *shown, ("Ends", ends), ("Kept file", self.kept(row))])

    def document_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        """The file, for officers only; that it was read is logged."""
        _require_reader(request)
        row = get_object_or_404(Evidence, pk=pk)
        try:
            content = Documents(settings.DOCUMENTS_DIR).read(row.document_sha256)
        except NoDocument as error:
            raise Http404 from error
        media_type, ending = kind_of(content) or ("application/octet-stream", "bin")
        write(request, "document_read", f"evidence:{pk}", {"sha256": row.document_sha256})
        return _attachment(content, media_type, f"{pk}.{ending}")

    def pack_view(self, request: HttpRequest, market: str) -> HttpResponse:
        """The evidence pack of a market; that it was taken is logged."""
        _require_reader(request)
        row, at = get_object_or_404(Market, pk=market), clock.now()
        content = evidence_pack(market=row.code, at=at)
        write(request, "evidence_pack", f"market:{row.code}", {})
        return _attachment(content, "application/zip", pack_name(row.code, at))

    def save_model(self, request: HttpRequest, obj: Evidence, form: forms.ModelForm, change: bool) -> None:
        if not change:
            obj.replaces = Evidence.objects.filter(pk=request.GET.get("replaces", ""), status=life.APPROVED).first()
        super().save_model(request, obj, form, change)
        if form.has_changed():
            obj.authors.add(officer(request))

    @admin.display(description="Standing")
    def standing(self, row: Evidence) -> str:
        return papers.standing(row, on=clock.now().date()) if row.pk else "draft"

    @admin.display(description="Ends", ordering="expires_on")
    def ends(self, row: Evidence) -> date | None:
        return papers.expiry(row)

    @admin.display(description="File", boolean=True)
    def file_mark(self, row: Evidence) -> bool:
        return bool(row.document_sha256)

    @admin.display(description="Sample")
    def sample_mark(self, row: Evidence) -> str:
        return "SAMPLE" if row.is_sample else ""

    @admin.display(description="Kept file")
    def kept(self, row: Evidence) -> SafeString:
        if not row.document_sha256:
            return SafeString("None yet.")
        url = reverse("admin:evidence_document", args=[row.pk])
        return format_html('<a href="{}">Download</a> SHA-256 {}', url, row.document_sha256)

    @admin.display(description="History")
    def history(self, row: Evidence) -> SafeString:
        events = Event.objects.filter(subject=f"evidence:{row.pk}", reservation=None).order_by("id")
        lines = [(tables.instant(each.at), each.actor, each.action, each.reason) for each in events]
        return tables.table(["At", "Who", "What", "Why"], lines)


def _require_reader(request: HttpRequest) -> None:
    try:
        require(officer(request), "read_evidence_document")
    except four_eyes.REFUSALS as refusal:
        raise PermissionDenied from refusal


def _attachment(content: bytes, media_type: str, name: str) -> HttpResponse:
    """Saved, never shown in a page of ours, and kept by nobody on the way."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
