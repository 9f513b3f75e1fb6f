"""Coupons between merchants: where a list of codes stands, and who owes whom for what coupons took off."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, select

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.coupon_definitions import own_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, Page, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.chain import periods
from ledger_service.chain.beside.reading import Reader
from ledger_service.chain.beside.targets import coupons_at
from ledger_service.chain.errors import PeriodUnknown
from ledger_service.checkout.couponing.clearing import Place, coupons_of, debts_of
from ledger_service.coupons.codes.models import coupon_code_list
from ledger_service.coupons.codes.rules import serial_text
from ledger_service.coupons.telling.anchors import Anchor, anchors_of
from ledger_service.db.engine import Database
from ledger_service.kernel.beside import Proven
from ledger_service.kernel.clock import format_instant, instant_of_micros, micros_of
from ledger_service.kernel.coupon_clearing import ClearedCoupon
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import id_text
from ledger_service.settlement.coupons import COLUMNS, cleared, write_coupons

_READ = scopes("sale:read")
_PERIOD = "/v1/settlement/periods/<period>"
_MOST_DIGITS = 10
_MINOR = Integer(-(2**53))
_LIST = Named("CouponCodeList", Record(
    {"name": Text(64), "kind": Text(), "origin": Text(), "size": Integer(), "made": Integer(),
     "state": Text(), "gcn": Text(13), "first": Nullable(Text(12)), "root": Nullable(Text(66)),
     "anchor": Record({"state": Text(), "reason": Nullable(Text())}, closed=False),
     "may_go_out": Flag("The chain has the root, or is told of no such list"),
     "exported_at": Nullable(shapes.INSTANT)}, closed=False))  # fmt: skip
_PAID = Record({"funder": shapes.GLN, "value_minor": _MINOR}, closed=False)
_COUPON = Named("ClearedCoupon", Record(
    {"at": shapes.INSTANT, "what": Text(one_of=("use", "return")), "ref": shapes.HEX_ID,
     "coupon": shapes.HEX_ID, "number": Nullable(Text(25)), "definition": Text(64), "version": Integer(1),
     "acceptor": shapes.GLN, "store": shapes.GLN, "funders": Listing(_PAID),
     "operation": Nullable(shapes.HEX_ID)}, closed=False))  # fmt: skip
LISTS = Route(
    "GET", "/v1/merchants/<gln>/coupon-code-lists", "coupon-code-lists", _READ,
    "A merchant's lists of codes, and where their roots stand on the way to the chain", group="Coupons",
    query=PAGE_QUERY, problems=(NotYours, CursorRefused),
    success=Success(200, "A page, oldest first. `anchor.state` is waiting (for a version of the terms to be "
                    "live), queued, packed, mined or final, or not-told.", paged("lists", _LIST)),
)  # fmt: skip
CLEARED = Route(
    "GET", f"{_PERIOD}/coupons", "list-cleared-coupons", _READ,
    "What coupons took off in a period and who pays for it; a merchant's own part, or all",
    group="Settlement", query=PAGE_QUERY, problems=(PeriodUnknown, CursorRefused),
    success=Success(200, "A page by time; it can hold fewer rows than asked for, with more behind.",
                    paged("coupons", _COUPON)),
)  # fmt: skip
FILE = Route(
    "GET", f"{_PERIOD}/coupons.csv", "coupon-clearing-file", _READ,
    "The same as a file with the proof of each operation", group="Settlement", query=PAGE_QUERY,
    problems=(PeriodUnknown, CursorRefused),
    success=Success(200, "A page of rows; where more follow, `Link` names the next one, which has no header.",
                    media_types=("text/csv",)),
)  # fmt: skip
NETS = Route(
    "GET", f"{_PERIOD}/coupon-nets", "show-coupon-nets", _READ,
    "What funders owe acceptors for a period, and the fewest payments", group="Settlement",
    problems=(PeriodUnknown,),
    success=Success(200, "A merchant sees its own; of a closed period others' payouts never.", shapes.answer(
        "CouponNets", period=Integer(1), closed=Flag(),
        debts=Listing(Record({"funder": shapes.GLN, "acceptor": shapes.GLN, "value_minor": _MINOR},
                             closed=False)),
        nets=Listing(Record({"merchant": shapes.GLN, "net_minor": _MINOR}, closed=False)),
        payouts=Listing(Record({"payer": shapes.GLN, "payee": shapes.GLN, "value_minor": Integer(1)},
                               closed=False)))),
)  # fmt: skip
ROUTES = (LISTS, CLEARED, FILE, NETS)


@dataclass(frozen=True, slots=True)
class CouponClearingDoor:
    """The endpoints of this module; ``contract`` is that of coupons, where the alliance has one."""

    administration: Administration
    cursors: Cursors
    database: Database
    contract: bytes | None

    def lists(self, call: Call) -> Reply:
        """A page of the merchant's lists."""
        merchant_id, c = own_merchant(call), coupon_code_list.c
        page = self.cursors.page(f"coupon-code-lists:{merchant_id}", call.query)
        mine = (c.merchant_id == merchant_id) & (c.list_id > (page.after_number or 0))

        def find(conn: Connection) -> Json:
            query = select(coupon_code_list).where(mine).order_by(c.list_id).limit(page.limit + 1)
            found = conn.execute(query).mappings().all()
            rows, cursor = self.cursors.cut(page, found, lambda row: row["list_id"])
            told = zip(rows, anchors_of(conn, rows), strict=True)
            return {"lists": [_list(row, anchor) for row, anchor in told], "next_cursor": cursor}

        return self.administration.read(find)

    def coupons(self, call: Call) -> Reply:
        """A page of uses and returns."""
        number, page = _number(call), self._page(call)

        def find(conn: Connection) -> Json:
            found, cursor = self._cut(conn, number, page, call.caller.merchant_id)
            return {"coupons": [_coupon(one) for one in found], "next_cursor": cursor}

        return self.administration.read(find)

    def file(self, call: Call) -> Reply:
        """A page of the file."""
        number, page = _number(call), self._page(call)
        text = io.StringIO(newline="")
        with self.database.snapshot() as conn:
            found, cursor = self._cut(conn, number, page, call.caller.merchant_id)
            if page.after is None:
                text.write(",".join(COLUMNS) + "\r\n")
            write_coupons(text, found, self._proofs(conn, found))
        following = f"{call.path['period']}/coupons.csv?limit={page.limit}&cursor={cursor}"
        link = f'</v1/settlement/periods/{following}>; rel="next"'
        headers = () if cursor is None else (("Link", link),)
        return Reply(text.getvalue().encode(), media_type="text/csv", headers=headers)

    def nets(self, call: Call) -> Reply:
        """Debts, nets and payouts."""
        number, own = _number(call), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            period = periods.period_of(conn, number)
            told = cleared(debts_of(conn, number))
            return {"period": number, "closed": period.closed, **_nets(told.debts, told.nets, own),
                    "payouts": [
                        {"payer": gln_text(one.payer), "payee": gln_text(one.payee), "value_minor": one.minor}
                        for one in told.payouts if own in (None, one.payer, one.payee)
                    ]}  # fmt: skip

        return self.administration.read(find)

    def _page(self, call: Call) -> Page:
        listing = f"cleared-coupons:{call.path['period']}:{call.caller.merchant_id}"
        return self.cursors.page(listing, call.query)

    def _cut(
        self, conn: Connection, number: int, page: Page, own: int | None
    ) -> tuple[Sequence[ClearedCoupon], str | None]:
        periods.period_of(conn, number)
        after = None if page.after is None else _place(page.after)
        found, behind = coupons_of(conn, number, after, page.limit, own)
        return found, None if behind is None else self.cursors.seal(page.listing, _place_text(behind))

    def _proofs(self, conn: Connection, found: Sequence[ClearedCoupon]) -> Mapping[bytes, Proven]:
        if self.contract is None:
            return {}
        reader = Reader(coupons_at(self.contract))
        return reader.proven(conn, [one.op_id for one in found if one.op_id is not None])[0]


def served(door: CouponClearingDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.lists, door.coupons, door.file, door.nets)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _nets(debts: Mapping[tuple[int, int], int], nets: Mapping[int, int], own: int | None) -> Json:
    return {
        "debts": [
            {"funder": gln_text(funder), "acceptor": gln_text(acceptor), "value_minor": minor}
            for (funder, acceptor), minor in debts.items()
            if own in (None, funder, acceptor)
        ],
        "nets": [
            {"merchant": gln_text(merchant), "net_minor": minor}
            for merchant, minor in nets.items()
            if own in (None, merchant)
        ],
    }


def _coupon(one: ClearedCoupon) -> Json:
    return {
        "at": format_instant(one.at), "what": "return" if one.returned else "use", "ref": id_text(one.ref),
        "coupon": id_text(one.coupon_id), "number": one.number, "definition": one.definition,
        "version": one.version, "acceptor": gln_text(one.acceptor), "store": gln_text(one.store),
        "funders": [{"funder": gln_text(f), "value_minor": minor} for f, minor in sorted(one.paid.items())],
        "operation": None if one.op_id is None else id_text(one.op_id),
    }  # fmt: skip


def _list(row: RowMapping, anchor: Anchor) -> Json:
    root, first, out = row["root"], row["first"], row["exported_at"]
    return {
        "name": row["name"], "kind": row["kind"], "origin": row["origin"], "size": row["size"],
        "made": row["made"], "state": row["state"], "gcn": f"{row['gcn']:013d}",
        "first": None if first is None else serial_text(first),
        "root": None if root is None else f"0x{root.hex()}",
        "anchor": {"state": anchor.state, "reason": anchor.reason},
        "may_go_out": root is not None and anchor.stands,
        "exported_at": None if out is None else format_instant(out),
    }  # fmt: skip


def _number(call: Call) -> int:
    text = call.path["period"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise MalformedField("period", "must be a whole number")
    return int(text)


def _place_text(place: Place) -> str:
    at, ref, coupon_id = place
    return f"{micros_of(at)}.{ref.hex()}.{coupon_id.hex()}"


def _place(text: str) -> Place:
    at, ref, coupon_id = text.split(".")
    return instant_of_micros(int(at)), bytes.fromhex(ref), bytes.fromhex(coupon_id)
