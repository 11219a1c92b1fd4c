"""The shapes that the schema shows."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from reservations.launchdata.passports import RECORDS, SIGNALS, STARTS, WHERE


class MoneyOut(serializers.Serializer):
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()


class TaxOut(serializers.Serializer):
    name = serializers.CharField(allow_null=True)
    rate = serializers.CharField(allow_null=True)
    included = serializers.BooleanField()


class SubdivisionOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class MarketOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    languages = serializers.ListField(child=serializers.CharField())
    tax = TaxOut()
    region = serializers.CharField()
    subdivisions = SubdivisionOut(many=True)


class ReasonOut(serializers.Serializer):
    requirement = serializers.CharField()
    title = serializers.CharField()
    stage = serializers.CharField()
    effect = serializers.CharField()
    code = serializers.CharField()
    evidence = serializers.CharField(allow_null=True)
    until = serializers.DateField(allow_null=True)


class NoticeOut(serializers.Serializer):
    id = serializers.CharField()
    version = serializers.CharField()
    text = serializers.CharField()
    consent = serializers.BooleanField()


class StagesOut(serializers.Serializer):
    announce = serializers.BooleanField()
    reserve = serializers.BooleanField()
    take_deposit = serializers.BooleanField()
    ship = serializers.BooleanField()


class DiffersOut(serializers.Serializer):
    sku = serializers.CharField()
    status = serializers.CharField()


class AvailabilityOut(serializers.Serializer):
    market = serializers.CharField()
    subdivision = serializers.CharField(allow_null=True)
    sku = serializers.CharField()
    status = serializers.CharField(help_text="open, announced, waitlist, notify_only, paused or blocked")
    stages = StagesOut()
    opens_at = serializers.DateTimeField(allow_null=True)
    next_change_at = serializers.DateTimeField(allow_null=True)
    reasons = ReasonOut(many=True)
    notices = NoticeOut(many=True)
    disabled_features = serializers.ListField(child=serializers.CharField())
    varies_in = serializers.ListField(child=serializers.CharField())
    differs = DiffersOut(many=True, required=False)


class VariantOut(serializers.Serializer):
    sku = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    price = MoneyOut(allow_null=True, required=False)
    deposit = MoneyOut(allow_null=True, required=False)
    availability = AvailabilityOut(required=False)


class ProductOut(serializers.Serializer):
    slug = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    tagline = serializers.CharField()
    capabilities = serializers.ListField(child=serializers.CharField())
    specs = serializers.DictField()
    images = serializers.ListField(child=serializers.URLField())
    variants = VariantOut(many=True)


class RecordOut(serializers.Serializer):
    what = serializers.ChoiceField(list(RECORDS))
    capability = serializers.CharField()
    starts = serializers.ChoiceField(STARTS)
    signal = serializers.ChoiceField(SIGNALS)
    where = serializers.ChoiceField(WHERE)
    kept = serializers.CharField(help_text="ISO 8601 duration, or until_deleted")


class ProcessorOut(serializers.Serializer):
    name = serializers.CharField()
    country = serializers.CharField()
    model = serializers.CharField()


class PassportOut(serializers.Serializer):
    product = serializers.CharField()
    market = serializers.CharField()
    version = serializers.CharField()
    since = serializers.DateField()
    records = RecordOut(many=True)
    processor = ProcessorOut()
    contact = serializers.EmailField()
    sample = serializers.BooleanField()
    page = serializers.URLField()
    page_for_bystanders = serializers.URLField()


class LaunchMarketOut(serializers.Serializer):
    code = serializers.CharField()
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField(allow_null=True)
    phase = serializers.CharField()


class LaunchOut(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    opens_at = serializers.DateTimeField(allow_null=True)
    closes_at = serializers.DateTimeField(allow_null=True)
    phase = serializers.CharField(help_text="announced, open, paused or closed")
    server_time = serializers.DateTimeField()
    products = serializers.ListField(child=serializers.CharField())
    markets = LaunchMarketOut(many=True)


class LineOut(serializers.Serializer):
    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = MoneyOut()


class ShipWindowOut(serializers.Serializer):
    to = serializers.DateField()

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(), **super().get_fields()}


class PlaceOut(serializers.Serializer):
    number = serializers.IntegerField()
    people_ahead = serializers.IntegerField()
    ship_window = ShipWindowOut(allow_null=True)
    as_of = serializers.DateTimeField()


class DepositOut(serializers.Serializer):
    amount = MoneyOut()
    status = serializers.ChoiceField(("not_due", "due", "processing", "paid", "refund_pending", "refunded"))


class ReservationOut(serializers.Serializer):
    id = serializers.CharField()
    reference = serializers.CharField()
    status = serializers.CharField()
    status_reason = serializers.CharField(allow_null=True)
    market = serializers.CharField()
    subdivision = serializers.CharField(allow_null=True)
    lines = LineOut(many=True)
    deposit = DepositOut(allow_null=True)
    place = PlaceOut()
    language = serializers.CharField()
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    on_hold = serializers.DictField(allow_null=True)
    consents_due = NoticeOut(many=True, help_text="Asked for since, in a text that the customer has not seen.")
    partner_reference = serializers.CharField(allow_null=True)
    manage_url = serializers.URLField(allow_null=True)


class AllotmentOut(serializers.Serializer):
    sku = serializers.CharField()
    markets = serializers.ListField(child=serializers.CharField())
    capacity = serializers.IntegerField()
    held = serializers.IntegerField()
    left = serializers.IntegerField()


class FieldErrorOut(serializers.Serializer):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer):
    """RFC 9457, application/problem+json. Some codes have members of their own, such as opens_at or reasons."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = FieldErrorOut(many=True, required=False)  # type: ignore[assignment]


class DrawOut(serializers.Serializer):
    launch = serializers.CharField()
    opening = serializers.IntegerField()
    rule = serializers.CharField()
    commitment = serializers.CharField()
    opens_at = serializers.DateTimeField()
    closes_at = serializers.DateTimeField()
    drawn_at = serializers.DateTimeField(allow_null=True)
    seed = serializers.CharField(allow_null=True)
    tickets = serializers.ListField(child=serializers.CharField(), allow_null=True)
    tickets_sha256 = serializers.CharField(allow_null=True)
    order = serializers.ListField(child=serializers.CharField(), allow_null=True)
