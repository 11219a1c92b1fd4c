"""What is stored. One file a concept; constraints guard the truth."""

from reservations.models.acceptance import Acceptance
from reservations.models.approval import EvidenceWarning, ProposedChange
from reservations.models.bulk import BulkAct
from reservations.models.catalogue import Market, Price, Product, Variant
from reservations.models.compliance import Decision, Evidence, GateRevision, Requirement, ReviewTask, StopSale
from reservations.models.contact import AddressChange
from reservations.models.draw import Draw
from reservations.models.event import Event
from reservations.models.hold import GateSweep, Hold
from reservations.models.launch import Allotment, AllotmentMarket, CustomerLimit, Launch, LaunchMarket
from reservations.models.message import MailPace, Message, NotifyRequest
from reservations.models.partner import ApiKey, IdempotencyKey, Partner
from reservations.models.passport import Passport
from reservations.models.past import KeptFacts, KnownFacts, PastDecision
from reservations.models.payment import Deposit, HandOver, MoneyTask, Payment, Refund, StripeEvent
from reservations.models.reservation import Reservation, VacatedPlace
from reservations.models.wave import Invitation, ShipEstimate, Wave, WaveSupply
from reservations.models.wording import Wording

__all__ = [
    "Acceptance",
    "AddressChange",
    "Allotment",
    "AllotmentMarket",
    "ApiKey",
    "BulkAct",
    "CustomerLimit",
    "Decision",
    "Deposit",
    "Draw",
    "Event",
    "Evidence",
    "EvidenceWarning",
    "GateRevision",
    "GateSweep",
    "HandOver",
    "Hold",
    "IdempotencyKey",
    "Invitation",
    "KeptFacts",
    "KnownFacts",
    "Launch",
    "LaunchMarket",
    "MailPace",
    "Market",
    "Message",
    "MoneyTask",
    "NotifyRequest",
    "Partner",
    "Passport",
    "PastDecision",
    "Payment",
    "Price",
    "Product",
    "ProposedChange",
    "Refund",
    "Requirement",
    "Reservation",
    "ReviewTask",
    "ShipEstimate",
    "StopSale",
    "StripeEvent",
    "VacatedPlace",
    "Variant",
    "Wave",
    "WaveSupply",
    "Wording",
]
