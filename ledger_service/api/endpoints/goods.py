"""A brand's goods: products, batches, items, labels for its printer, and what is recalled."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.scans import NAMES, names_of
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Parameter, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Nullable, Record, Text
from ledger_service.db.engine import Database
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gtin
from ledger_service.kernel.ids import id_text
from ledger_service.traceability.claiming.queries import claims_of_batch, points_of_batch
from ledger_service.traceability.goods import labels, queries
from ledger_service.traceability.goods.errors import (
    BatchNotAnchored,
    BatchNotMade,
    BatchUnknown,
    ProductUnknown,
)
from ledger_service.traceability.goods.printing import Part, printer_lines
from ledger_service.traceability.goods.recalling import recall_batch
from ledger_service.traceability.goods.rules import State
from ledger_service.traceability.goods.service import INDEX_BITS, Goods
from ledger_service.traceability.prizes.queries import find_pool
from ledger_service.traceability.proofs.commitments import Anchored, anchored

_GROUP = "Goods"
_GTIN = Text(14, 14, about="GTIN, 14 digits")
_BATCH_NO = Integer(1, about="Number of the batch")
_PRODUCT = Record({
    "gtin": _GTIN, "merchant": shapes.GLN, "brand": Text(100), "names": NAMES,
    "markets": Listing(Text(2), 300),
}, closed=False)  # fmt: skip
_BATCH = Record({
    "batch": _BATCH_NO, "lot": Text(20), "expiry": Nullable(Text(6)), "size": Integer(1), "made": Integer(),
    "opened_at": shapes.INSTANT, "recalled_at": Nullable(shapes.INSTANT),
}, closed=False)  # fmt: skip
# Where the batch's root stands: not made yet, on its way, on the chain, or refused by it.
_ROOTS = ("root-unmade", "root-waiting", "root-anchored", "root-failed")
_ITEM = Record({
    "index": Integer(), "serial": Text(12), "state": Text(one_of=tuple(str(s) for s in State)),
    "state_at": Nullable(shapes.INSTANT),
}, closed=False)  # fmt: skip
_RECALLED = Record({
    "serial": Text(12), "state": Text(12), "operation": shapes.HEX_ID, "member": Nullable(shapes.NUMBER),
    "points": shapes.POINTS, "issue": Nullable(Text(12)), "claimed_at": shapes.INSTANT,
    "voided_at": Nullable(shapes.INSTANT),
}, closed=False)  # fmt: skip
PRODUCTS = Route(
    "GET", "/v1/products", "list-products", scopes("trace:read"), "Products, by GTIN", group=_GROUP,
    query=PAGE_QUERY,
    success=Success(200, "A page; a merchant sees its own.", paged("products", _PRODUCT)),
)  # fmt: skip
BATCHES = Route(
    "GET", "/v1/products/<gtin>/batches", "list-batches", scopes("trace:read"), "Batches of a product",
    group=_GROUP, query=PAGE_QUERY, problems=(ProductUnknown,),
    success=Success(200, "A page, by number.", paged("batches", _BATCH)),
)  # fmt: skip
BATCH = Route(
    "GET", "/v1/batches/<batch>", "show-batch", scopes("trace:read"), "A batch, and how far it is",
    group=_GROUP, problems=(BatchUnknown,), success=Success(200, "The batch.", Record({
        **_BATCH.required, "gtin": _GTIN, "merchant": shapes.GLN, "root": Text(one_of=_ROOTS),
    }, closed=False)),
)  # fmt: skip
ITEMS = Route(
    "GET", "/v1/batches/<batch>/items", "list-items", scopes("trace:read"), "Items of a batch",
    group=_GROUP, query=PAGE_QUERY, problems=(BatchUnknown,),
    success=Success(200, "A page, by index; no PINs.", paged("items", _ITEM)),
)  # fmt: skip
LABELS = Route(
    "GET", "/v1/batches/<batch>/labels", "print-labels", scopes("label:print"),
    "Labels of a batch with the PINs under their covers, for the brand's printer alone", group=_GROUP,
    query={"format": Parameter(Text(one_of=labels.FORMATS), "pdf, csv, or zip of both", required=True),
           "first": Parameter(Text(pattern="[0-9]{1,8}"), "Index of the first item"),
           "count": Parameter(Text(pattern="[0-9]{1,5}"), f"How many, {labels.MOST_AT_ONCE} at most"),
           "tags": Parameter(Text(one_of=("yes", "no")), "yes: with the keyed tag behind each code")},
    problems=(BatchUnknown, BatchNotMade, BatchNotAnchored),
    success=Success(200, "The file.", media_types=tuple(labels.MEDIA_TYPES.values())),
)  # fmt: skip
RECALL = Route(
    "POST", "/v1/batches/<batch>/recall", "recall-batch", scopes("store:write"),
    "Recall a batch for ever: every scan of it says so, and nothing of it can be claimed", group=_GROUP,
    body=Record({}), write=True, problems=(*WRITE_PROBLEMS, BatchUnknown),
    success=Success(200, "Recalled.", shapes.answer("BatchRecalled", recalled_at=shapes.INSTANT)),
)  # fmt: skip
AFFECTED = Route(
    "GET", "/v1/batches/<batch>/recall", "show-recall", scopes("trace:read"),
    "What a recall touches: items that were claimed, their holders, the points they gave", group=_GROUP,
    query=PAGE_QUERY, problems=(BatchUnknown,),
    success=Success(200, "A page of claims by item; members' numbers for operator and auditor alone.",
                    shapes.answer(
        "RecalledBatch", recalled_at=Nullable(shapes.INSTANT), items=Integer(),
        settlement=Listing(Record({"programme": Integer(1), "epoch": Integer(), "claims": Integer(),
                                   "points": shapes.POINTS, "voided": Integer()}, closed=False), 1_000),
        claims=Listing(_RECALLED, 200), next_cursor=Nullable(Text(200)))),
)  # fmt: skip
ROUTES = (PRODUCTS, BATCHES, BATCH, ITEMS, LABELS, RECALL, AFFECTED)


@dataclass(frozen=True, slots=True)
class GoodsDoor:
    """The endpoints of this module; ``url`` is what outer codes begin with.

    ``anchors``: the alliance has a registry of items, so that no code leaves the house before its root does.
    """

    administration: Administration
    cursors: Cursors
    goods: Goods
    database: Database
    url: str
    anchors: bool

    def products(self, call: Call) -> Reply:
        """A page of products."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"products:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.products_of(conn, own, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["gtin"])
            return {"products": [_product(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def batches(self, call: Call) -> Reply:
        """A page of batches."""
        gtin, own = parse_gtin(call.path["gtin"], "gtin"), call.caller.merchant_id
        page = self.cursors.page(f"batches:{gtin}", call.query)

        def find(conn: Connection) -> Json:
            queries.find_product(conn, gtin, own)
            found = queries.batches_of(conn, gtin, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["batch_no"])
            return {"batches": [_batch(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def batch(self, call: Call) -> Reply:
        """One batch."""
        batch_no, own = _number(call), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            row = queries.find_batch(conn, batch_no, own)
            return {**_batch(row), "gtin": row["gtin"], "merchant": gln_text(row["merchant_id"]),
                    "root": _root(anchored(conn, batch_no))}  # fmt: skip

        return self.administration.read(find)

    def items(self, call: Call) -> Reply:
        """A page of items."""
        batch_no, own = _number(call), call.caller.merchant_id
        page = self.cursors.page(f"items:{batch_no}", call.query)

        def find(conn: Connection) -> Json:
            queries.find_batch(conn, batch_no, own)
            found = queries.items_after(conn, batch_no, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(
                page, found, lambda row: row["item_id"] - (batch_no << INDEX_BITS)
            )
            return {"items": [_item(row, batch_no) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def labels(self, call: Call) -> Reply:
        """A file for the printer."""
        batch_no, form = _number(call), call.query["format"]
        first, count = (
            int(call.query.get("first", "0")),
            int(call.query.get("count", str(labels.MOST_AT_ONCE))),
        )
        if not 1 <= count <= labels.MOST_AT_ONCE:
            raise MalformedField("query.count", f"must be 1 to {labels.MOST_AT_ONCE}")
        with self.database.snapshot() as conn:
            batch = queries.find_batch(conn, batch_no, call.caller.merchant_id)
            if batch["made"] < batch["size"]:
                raise BatchNotMade(batch["made"], batch["size"])
            root = anchored(conn, batch_no)
            must = self.anchors or find_pool(conn, batch_no) is not None
            if must and (root is None or not root.on_chain):
                raise BatchNotAnchored
            lines = printer_lines(
                conn, self.goods.master, batch_no, self.url or labels.ANY_HOST,
                Part(first, count, call.query.get("tags") == "yes"),
            )
            file = io.BytesIO()
            labels.write(file, form, list(lines), f"{batch['gtin']} {batch['lot']}")
        name = f'attachment; filename="labels-{batch_no}-{first}.{form}"'
        told = (("Content-Disposition", name), ("Cache-Control", "no-store"))
        return Reply(file.getvalue(), media_type=labels.MEDIA_TYPES[form], headers=told)

    def recall(self, call: Call) -> Reply:
        """The batch is recalled."""
        batch_no, own = _number(call), call.caller.merchant_id

        def act(conn: Connection) -> Json:
            return {"recalled_at": format_instant(recall_batch(conn, batch_no, own, call.at))}

        return self.administration.write(call, act, status=200)

    def affected(self, call: Call) -> Reply:
        """What the recall touches."""
        batch_no, own = _number(call), call.caller.merchant_id
        page = self.cursors.page(f"recall:{batch_no}", call.query)

        def find(conn: Connection) -> Json:
            batch = queries.find_batch(conn, batch_no, own)
            found = claims_of_batch(conn, batch_no, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["item_id"])
            sums = [{"programme": s["programme_id"], "epoch": s["epoch"], "claims": s["claims"],
                     "points": int(s["points"]), "voided": s["voided"]}
                    for s in points_of_batch(conn, batch_no)]  # fmt: skip
            return {"recalled_at": _instant(batch["recalled_at"]), "items": batch["made"], "settlement": sums,
                    "claims": [_claim(row, own) for row in rows], "next_cursor": cursor}  # fmt: skip

        return self.administration.read(find)


def served(door: GoodsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.products, door.batches, door.batch, door.items, door.labels, door.recall, door.affected)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _number(call: Call) -> int:
    text = call.path["batch"]
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise MalformedField("batch", "must be a number")
    return int(text)


def _instant(at: Any) -> str | None:
    return None if at is None else format_instant(at)


def _product(row: RowMapping) -> Json:
    markets = [market for market in row["markets"].split(",") if market]
    return {"gtin": row["gtin"], "merchant": gln_text(row["merchant_id"]), "brand": row["brand"],
            "names": names_of(row), "markets": markets}  # fmt: skip


def _batch(row: RowMapping) -> Json:
    return {"batch": row["batch_no"], "lot": row["lot"], "expiry": row["expiry"], "size": row["size"],
            "made": row["made"], "opened_at": format_instant(row["opened_at"]),
            "recalled_at": _instant(row["recalled_at"])}  # fmt: skip


def _root(found: Anchored | None) -> str:
    if found is None:
        return "root-unmade"
    if found.on_chain:
        return "root-anchored"
    return "root-failed" if found.reason is not None else "root-waiting"


def _item(row: RowMapping, batch_no: int) -> Json:
    return {"index": row["item_id"] - (batch_no << INDEX_BITS), "serial": row["serial"],
            "state": row["state"], "state_at": _instant(row["state_at"])}  # fmt: skip


def _claim(row: RowMapping, own: int | None) -> Json:
    # Where a member shops is nobody's business but the alliance's (D15): a brand reaches it by its operation.
    return {"serial": row["serial"], "state": row["state"], "operation": id_text(row["op_id"]),
            "member": row["member_number"] if own is None else None, "points": row["points"],
            "issue": row["issue"], "claimed_at": format_instant(row["claimed_at"]),
            "voided_at": _instant(row["voided_at"])}  # fmt: skip
