"""Rewards for spend over time as members see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Nullable, Text
from ledger_service.checkout.collecting import queries
from ledger_service.checkout.collecting.rules import STATES
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.ids import id_text
from ledger_service.members.errors import MemberUnknown

_READ, _GROUP = scopes("self:read", "member:read"), "Coupons"
_DEFINITION = Integer(1, 2**53 - 1, "Which coupon definition")
_PROBLEMS = (NotYours, MemberUnknown, CursorRefused)
_RECEIPT = shapes.answer(
    "SpendReceipt", sale=shapes.HEX_ID, definition=_DEFINITION, sold_at=shapes.INSTANT,
    counts_minor=Integer(0, about="Money paid for its goods and not given back"),
    reward=Nullable(shapes.HEX_ID),
)  # fmt: skip
_REWARD = shapes.answer(
    "SpendReward", coupon=shapes.HEX_ID, definition=_DEFINITION, version=Integer(1),
    spend_minor=Integer(1), days=Integer(1), state=Text(one_of=STATES), granted_at=shapes.INSTANT,
    ended_at=Nullable(shapes.INSTANT), used_minor=Integer(0, about="Taken off before it was taken back"),
    debt_points=Integer(0, about="Owed for that to the coupon's owner"),
)  # fmt: skip
RECEIPTS = Route(
    "GET", "/v1/members/<number>/spend-receipts", "list-spend-receipts", _READ,
    "Receipts that count towards rewards for spend",
    group=_GROUP, query=PAGE_QUERY, problems=_PROBLEMS,
    success=Success(200, "A page, by sale and definition.", paged("receipts", _RECEIPT)),
)  # fmt: skip
REWARDS = Route(
    "GET", "/v1/members/<number>/spend-rewards", "list-spend-rewards", _READ,
    "Rewards for spend, also those that went back",
    group=_GROUP, query=PAGE_QUERY, problems=_PROBLEMS,
    success=Success(200, "A page, in the order of their coupons' ids.", paged("rewards", _REWARD)),
)  # fmt: skip
ROUTES = (RECEIPTS, REWARDS)


@dataclass(frozen=True, slots=True)
class SpendRewardsDoor:
    """The endpoints of this module."""

    administration: Administration
    cursors: Cursors

    def receipts(self, call: Call) -> Reply:
        """A page of receipts."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"spend-receipts:{member_id}", call.query)
            found = queries.receipts_of(conn, member_id, _place(page.after), page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, _position)
            return {"receipts": [_receipt(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def rewards(self, call: Call) -> Reply:
        """A page of rewards."""

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            page = self.cursors.page(f"spend-rewards:{member_id}", call.query)
            after = None if page.after is None else bytes.fromhex(page.after)
            found = queries.rewards_of(conn, member_id, after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row.reward_id.hex())
            return {"rewards": [_reward(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: SpendRewardsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(RECEIPTS, door.receipts), Served(REWARDS, door.rewards)]


def _position(row: Row[Any]) -> str:
    return f"{row.sale_id.hex()}:{row.definition_id}"


def _place(position: str | None) -> tuple[bytes, int] | None:
    if position is None:
        return None
    sale_id, _, definition = position.partition(":")
    return bytes.fromhex(sale_id), int(definition)


def _receipt(row: Row[Any]) -> Json:
    return {
        "sale": id_text(row.sale_id), "definition": row.definition_id,
        "sold_at": format_instant(row.sold_at), "counts_minor": row.minor,
        "reward": None if row.reward_id is None else id_text(row.reward_id),
    }  # fmt: skip


def _reward(row: Row[Any]) -> Json:
    return {
        "coupon": id_text(row.reward_id), "definition": row.definition_id, "version": row.version,
        "spend_minor": row.spend_minor, "days": row.days, "state": row.state,
        "granted_at": format_instant(row.granted_at),
        "ended_at": None if row.ended_at is None else format_instant(row.ended_at),
        "used_minor": row.minor, "debt_points": row.points,
    }  # fmt: skip
