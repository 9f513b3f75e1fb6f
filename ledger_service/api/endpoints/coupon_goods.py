"""What coupons go by that a basket does not say: goods lists, and brand and manufacturer of articles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.coupon_definitions import CODE, code_of, own_merchant
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Record, Text
from ledger_service.coupons.definitions import lists
from ledger_service.coupons.definitions.errors import CouponCodeTaken
from ledger_service.coupons.definitions.upload_errors import GoodsListUnknown
from ledger_service.coupons.definitions.uploading import (
    GTIN,
    PRODUCT,
    SKU,
    Row,
    put_goods,
    put_products,
    row_of,
)
from ledger_service.kernel.clock import format_instant
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.queries import find_merchant

_GROUP = "Coupons"
# As many of the longest rows as fit into a body.
_MOST = 250
_LIST = Named("GoodsList", Record(
    {"list": Integer(1, about="What terms name under `lists`"), "code": CODE, "created_at": shapes.INSTANT},
    closed=False))  # fmt: skip
_CELL = Text(200, 0)
_TALLY = Named("GoodsTally", Record(
    {"added": Integer(about="New or changed"), "known": Integer(),
     "bad": Listing(Record({"row": Integer(1), "reason": Text(32)}), _MOST, about="Rows left out")},
    closed=False))  # fmt: skip
_BASE = "/v1/merchants/<gln>/goods-lists"
CREATE = Route(
    "POST", _BASE, "create-goods-list", scopes("store:write"), "Create an empty goods list", group=_GROUP,
    write=True, body=Named("NewGoodsList", Record({"code": CODE})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, CouponCodeTaken),
    success=Success(201, "Created.", _LIST),
)  # fmt: skip
LIST = Route(
    "GET", _BASE, "goods-lists", scopes("quote", "merchant:read"), "A merchant's goods lists", group=_GROUP,
    query=PAGE_QUERY, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, oldest first.", paged("lists", _LIST)),
)  # fmt: skip
FILL = Route(
    "POST", f"{_BASE}/<code>/goods", "fill-goods-list", scopes("store:write"),
    "Put goods into a list; whole files go by `alliance goods`", group=_GROUP, write=True,
    body=Named("GoodsRows", Record({"column": Text(one_of=(GTIN, SKU)), "rows": Listing(_CELL, _MOST, 1)})),
    problems=(*WRITE_PROBLEMS, NotYours, GoodsListUnknown),
    success=Success(200, "Good rows are in; bad ones are named.", _TALLY),
)  # fmt: skip
PRODUCTS = Route(
    "POST", "/v1/merchants/<gln>/products", "tell-products", scopes("store:write"),
    "Say brand and manufacturer of a merchant's articles", group=_GROUP, write=True,
    body=Named("ProductRows", Record({"rows": Listing(
        Record({"sku": _CELL, "brand": _CELL, "manufacturer": _CELL}), _MOST, 1)})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown),
    success=Success(200, "Good rows hold; bad ones are named.", _TALLY),
)  # fmt: skip
ROUTES = (CREATE, LIST, FILL, PRODUCTS)


@dataclass(frozen=True, slots=True)
class GoodsDoor:
    """The endpoints of this module over the goods of the coupons room."""

    administration: Administration
    cursors: Cursors

    def create(self, call: Call) -> Reply:
        """The merchant has a further list."""
        merchant_id = own_merchant(call)

        def act(conn: Connection) -> Json:
            _require(conn, merchant_id)
            return _shown(lists.create(conn, merchant_id, call.body.fields["code"], call.at))

        return self.administration.write(call, act)

    def listed(self, call: Call) -> Reply:
        """A page of the merchant's lists."""
        merchant_id = own_merchant(call)
        page = self.cursors.page(f"goods-lists:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            found = lists.lists_after(conn, merchant_id, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["list_id"])
            return {"lists": [_shown(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def fill(self, call: Call) -> Reply:
        """The list has the good rows."""
        merchant_id, given = own_merchant(call), call.body.fields
        rows = [row_of(i, (cell,), given["column"]) for i, cell in enumerate(given["rows"], 1)]

        def act(conn: Connection) -> Json:
            list_id = lists.the_list(conn, merchant_id, code_of(call))["list_id"]
            return _tally(rows, lambda good: put_goods(conn, list_id, good))

        return self.administration.write(call, act, status=200)

    def products(self, call: Call) -> Reply:
        """The good rows hold for the merchant's articles."""
        merchant_id = own_merchant(call)
        rows = [
            row_of(i, (one["sku"], one["brand"], one["manufacturer"]), PRODUCT)
            for i, one in enumerate(call.body.fields["rows"], 1)
        ]

        def act(conn: Connection) -> Json:
            _require(conn, merchant_id)
            return _tally(rows, lambda good: put_products(conn, merchant_id, good))

        return self.administration.write(call, act, status=200)


def served(door: GoodsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.create, door.listed, door.fill, door.products)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _require(conn: Connection, merchant_id: int) -> None:
    if find_merchant(conn, merchant_id) is None:
        raise MerchantUnknown


def _tally(rows: list[Row], put: Callable[[list[Row]], int]) -> Json:
    good = [row for row in rows if row.reason is None]
    added = put(good) if good else 0
    bad = [{"row": row.line, "reason": row.reason} for row in rows if row.reason is not None]
    return {"added": added, "known": len(good) - added, "bad": bad}


def _shown(row: RowMapping) -> Json:
    return {"list": row["list_id"], "code": row["code"], "created_at": format_instant(row["created_at"])}
