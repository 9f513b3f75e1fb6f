"""The alliance as anybody may see it: what a phone must sign for, what a receipt must recover to."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.api import shapes
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.routes import PUBLIC, Call, Reply, Route, Served, Success
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import LIFE_SECONDS

_SHAPE = Named("Alliance", Record(
    {"name": Text(200), "currency": shapes.CURRENCY, "chain_id": Integer(1), "clearing_house": shapes.ADDRESS,
     "former_clearing_houses": Listing(shapes.ADDRESS, 100), "registry": shapes.ADDRESS,
     "item_registry": Nullable(shapes.ADDRESS), "transparency_log": Nullable(shapes.ADDRESS),
     "campaign_desk": Nullable(shapes.ADDRESS),
     "receipt_signer": shapes.ADDRESS, "pay_code_seconds": Integer(1),
     "custodial_per_permit_micros": Integer(), "custodial_per_day_micros": Integer(), "replay": Flag()},
    closed=False,
))  # fmt: skip
ALLIANCE = Route(
    "GET", "/v1/alliance", "alliance", PUBLIC, "Chain, contracts, currency and limits", group="Alliance",
    success=Success(200, "What hardly ever changes; read again after `pay-code-of-former-house`.", _SHAPE),
    personal=False,
)  # fmt: skip
ROUTES = (ALLIANCE,)


@dataclass(frozen=True, slots=True)
class AllianceFacts:
    """What is told; addresses are 20 bytes, limits micros of the settlement currency."""

    name: str
    currency: str
    domain: Domain
    registry: bytes
    receipt_signer: bytes
    per_permit_micros: int
    per_day_micros: int
    replay: bool
    former_houses: tuple[bytes, ...] = ()
    item_registry: bytes | None = None
    transparency_log: bytes | None = None
    campaign_desk: bytes | None = None


def served(facts: AllianceFacts) -> list[Served]:
    """The route of this module bound to the facts."""
    document = {
        "name": facts.name,
        "currency": facts.currency,
        "chain_id": facts.domain.chain_id,
        "clearing_house": hex_text(facts.domain.clearing_house),
        "former_clearing_houses": [hex_text(house) for house in facts.former_houses],
        "registry": hex_text(facts.registry),
        "item_registry": None if facts.item_registry is None else hex_text(facts.item_registry),
        "transparency_log": None if facts.transparency_log is None else hex_text(facts.transparency_log),
        "campaign_desk": None if facts.campaign_desk is None else hex_text(facts.campaign_desk),
        "receipt_signer": hex_text(facts.receipt_signer),
        "pay_code_seconds": LIFE_SECONDS,
        "custodial_per_permit_micros": facts.per_permit_micros,
        "custodial_per_day_micros": facts.per_day_micros,
        "replay": facts.replay,
    }

    def alliance(_call: Call) -> Reply:
        return Reply(document)

    return [Served(ALLIANCE, alliance)]
