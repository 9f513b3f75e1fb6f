"""A brand registers its products and opens batches over HTTP; the bridge makes the items and their root."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.endpoints.prizes import POOL
from ledger_service.api.errors import NotYours
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.checkout.items.pools import NO_DRAWS, open_pool, read_terms
from ledger_service.coupons.definitions.errors import DefinitionUnknown
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import parse_gln, parse_gtin
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.traceability.goods.errors import ProductUnknown
from ledger_service.traceability.goods.models import MOST_ITEMS
from ledger_service.traceability.goods.queries import lock_product
from ledger_service.traceability.goods.service import Goods, NewBatch, NewProduct
from ledger_service.traceability.prefixes.errors import GtinOfAnother

_GROUP = "Goods"
_GTIN = Text(14, 14, about="GTIN, 14 digits")
_NAMES = Record({"en": Text(200), "zh-Hans": Text(200), "zh-Hant": Text(200)})
_EXPIRY = Nullable(Text(pattern="[0-9]{6}", about="YYMMDD, day 00 for a whole month (GS1 17)"))
ADD = Route(
    "POST", "/v1/products", "add-product", scopes("store:write"), "Register a product of a brand",
    group=_GROUP, write=True, problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, GtinOfAnother),
    body=Named("NewProduct", Record(
        {"gtin": _GTIN, "merchant": shapes.GLN, "brand": Text(100), "names": _NAMES},
        {"markets": Listing(Text(pattern="[A-Z]{2}"), 300, about="Countries; none for all")})),
    success=Success(201, "Registered.", shapes.answer("ProductAdded", gtin=_GTIN)),
)  # fmt: skip
OPEN = Route(
    "POST", "/v1/products/<gtin>/batches", "open-batch", scopes("store:write"),
    "Open a batch: its items and their root are made within the next minutes", group=_GROUP, write=True,
    body=Named("NewBatch", Record(
        {"lot": Text(20, pattern="[A-Z0-9-]{1,20}"), "size": Integer(1, MOST_ITEMS)},
        {"expiry": _EXPIRY, "prizes": Nullable(POOL)})),
    problems=(*WRITE_PROBLEMS, ProductUnknown, ProgrammeUnknown, DefinitionUnknown),
    success=Success(201, "Open.", shapes.answer("BatchOpened", batch=Integer(1))),
)  # fmt: skip
ROUTES = (ADD, OPEN)


@dataclass(frozen=True, slots=True)
class GoodsMakingDoor:
    """The endpoints of this module; ``draws`` says whether the alliance's chain can draw prizes."""

    administration: Administration
    goods: Goods
    draws: bool

    def add(self, call: Call) -> Reply:
        """The product is the brand's."""
        given = call.body.fields
        owner, names = parse_gln(given["merchant"], "merchant"), given["names"]
        require_merchant(call, owner, "merchant")
        told = names["en"], names["zh-Hans"], names["zh-Hant"]
        markets = tuple(given.get("markets") or ())
        new = NewProduct(given["gtin"], owner, told, given["brand"], markets)

        def act(conn: Connection) -> Json:
            if find_merchant(conn, owner) is None:
                raise MerchantUnknown
            self.goods.add_product(conn, new, call.at)
            return {"gtin": new.gtin}

        return self.administration.write(call, act)

    def open(self, call: Call) -> Reply:
        """The batch waits for its items; what can be won of it is fixed with it."""
        given, gtin = call.body.fields, parse_gtin(call.path["gtin"], "gtin")
        if given.get("prizes") is not None and not self.draws:
            raise MalformedField("prizes", NO_DRAWS)

        def act(conn: Connection) -> Json:
            product = lock_product(conn, gtin, call.caller.merchant_id)
            new = NewBatch(gtin, product["merchant_id"], given["lot"], given["size"], given.get("expiry"))
            try:
                number = self.goods.open_batch(conn, new, call.at)
            except LinkMalformed as fault:
                raise MalformedField("expiry", fault.reason) from None
            if given.get("prizes") is not None:
                open_pool(conn, (number, new.merchant_id), read_terms(given["prizes"]), call.at)
            return {"batch": number}

        return self.administration.write(call, act)


def served(door: GoodsMakingDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, (door.add, door.open), strict=True)]
