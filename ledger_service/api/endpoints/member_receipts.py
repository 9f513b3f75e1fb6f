"""The receipt of a member's own purchase: what its shop keeps of it, for the member and nobody beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Record, Text
from ledger_service.checkout.errors import UnknownSale
from ledger_service.checkout.queries import sale_of_member
from ledger_service.kernel.gs1 import parse_gln
from ledger_service.kernel.ids import parse_id
from ledger_service.members.errors import MemberUnknown
from ledger_service.merchants import queries as merchants
from ledger_service.points.catalogue import Catalogue, CatalogueCache

RECEIPT = Route(
    "GET", "/v1/members/<number>/receipts/<sale>", "member-receipt", scopes("self:read"),
    "The receipt of one's own purchase, with lines, refunds so far and the shop's name", group="Balances",
    problems=(MemberUnknown, NotYours, UnknownSale),
    success=Success(200, "As its seller sees it; an operation that spent points names it, too.", Record(
        {"sale": shapes.SALE, "merchant_name": Text(200), "store_name": Text(200), "timezone": Text(64)},
        closed=False)),
)  # fmt: skip
ROUTES = (RECEIPT,)


@dataclass(frozen=True, slots=True)
class ReceiptsDoor:
    """The endpoint of this module over the checkout's reads."""

    administration: Administration
    catalogue: CatalogueCache

    def receipt(self, call: Call) -> Reply:
        """One sale of the member's."""
        return self.catalogue.newest(
            lambda catalogue: self.administration.read(partial(_find, catalogue, call))
        )


def _find(catalogue: Catalogue, call: Call, conn: Connection) -> Json:
    def codes(programmes: Iterable[int]) -> Mapping[int, str]:
        return {one: catalogue.programme(one).code for one in programmes}

    member = member_of_call(conn, call)
    told = sale_of_member(conn, member.member_id, parse_id(call.path["sale"], "sale"), codes)
    shop = merchants.find_merchant(conn, parse_gln(told["merchant"], "merchant"))
    store = merchants.find_store(conn, parse_gln(told["store"], "store"))
    return {
        "sale": told,
        "merchant_name": told["merchant"] if shop is None else shop.name,
        "store_name": told["store"] if store is None else store.name,
        "timezone": "UTC" if store is None else store.timezone,
    }


def served(door: ReceiptsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(RECEIPT, door.receipt)]
