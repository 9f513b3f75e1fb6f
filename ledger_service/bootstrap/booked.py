"""Outbox against ledger: every operation for the chain is one that an entry booked, point for point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from ledger_service.chain.effects import Effects, add_move
from ledger_service.chain.unmined import move_of_operation
from ledger_service.kernel.intents import readable_operation
from ledger_service.kernel.operations import Convert, Redeem
from ledger_service.ledger.carried import archived

_CHUNK = 2_000
_LAST = text("SELECT COALESCE(MAX(intent_id), 0) FROM intent")
# A signer and a move are no entry's: they change no member's points. What the contract refused is booked
# against suspense, which has checks of its own.
_OPERATIONS = text(
    "SELECT intent_id, op_id, payload, state = 'final' AND created_at <= :archived FROM intent"
    " WHERE intent_id > :after AND intent_id <= :upto"
    " AND (kind < 7 OR kind = 9) AND state <> 'set_aside' ORDER BY intent_id"
)
_BOOKED = text(
    "SELECT i.intent_id, p.programme_id, p.epoch, p.amount, s.kind, s.member_id, d.kind, d.member_id,"
    " d.merchant_id FROM intent AS i JOIN entry AS e ON e.op_id = i.op_id"
    " JOIN posting AS p ON p.sequence = e.sequence"
    " LEFT JOIN account AS s ON s.account_id = p.source_id"
    " LEFT JOIN account AS d ON d.account_id = p.destination_id"
    " WHERE i.intent_id > :after AND i.intent_id <= :upto AND (i.kind < 7 OR i.kind = 9)"
    " AND i.state <> 'set_aside'"
)
_ON_CHAIN = ("available", "held")
Change = tuple[int, int, int]


class Unbooked(NamedTuple):
    """An operation that no entry, or another one, has booked."""

    op_id: bytes
    booked: str
    operation: str


class _Booked:
    """What the entries of one operation did to members' points, and to whom they were redeemed."""

    def __init__(self) -> None:
        self.sums: Counter[tuple[int, int, int]] = Counter()
        self.merchants: set[int] = set()

    def add(self, posting: Any) -> None:
        programme, epoch, amount, source, giver, destination, taker, merchant = posting
        if source in _ON_CHAIN:
            self.sums[giver, programme, epoch] -= amount
        if destination in _ON_CHAIN:
            self.sums[taker, programme, epoch] += amount
        if destination == "redemption":
            self.merchants.add(merchant)

    def told(self) -> str:
        return _told(((p, e, n) for (_, p, e), n in self.sums.items()), self.merchants)


def unbooked(conn: Connection) -> Iterator[Unbooked]:
    """Operations that are not what the ledger's entry of their op_id says: legs, and the redeeming merchant.

    Where the entry stands in an archive, whoever moved it there has looked.

    Args:
        conn: a snapshot; read in chapters, so memory does not grow with the history.
    """
    last, after, gone = int(conn.execute(_LAST).scalar_one()), 0, archived(conn).recorded_until
    while after < last:
        chapter = {"after": after, "upto": after + _CHUNK}
        booked: dict[int, _Booked] = {}
        for intent_id, *posting in conn.execute(_BOOKED, chapter):
            booked.setdefault(intent_id, _Booked()).add(posting)
        for intent_id, op_id, payload, is_old in conn.execute(_OPERATIONS, {**chapter, "archived": gone}):
            found = booked.get(intent_id)
            if found is None and is_old:
                continue  # its entry, written by the same commit, stands in an archive
            expected = "no entry" if found is None else found.told()
            if (actual := _of_operation(payload)) != expected:
                yield Unbooked(bytes(op_id), expected, actual)
        after += _CHUNK


def _of_operation(payload: str) -> str:
    operation = readable_operation(payload)
    if operation is None:
        return "no operation"
    effects = Effects()
    add_move(effects, move_of_operation(operation), 1)
    merchants = {operation.merchant} if isinstance(operation, (Redeem, Convert)) else set()
    return _told(((p, e, n) for (_, p, e), n in effects.balances.items()), merchants)


def _told(changes: Iterator[Change], merchants: set[int]) -> str:
    legs = [
        f"{points:+} of programme {programme} epoch {epoch}"
        for programme, epoch, points in sorted(changes)
        if points
    ]
    return ", ".join(legs) + "".join(f" at {merchant}" for merchant in sorted(merchants))
