"""What pages of the books mean as facts for merchants: whose it is, what it says, and nothing of a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, select

from ledger_service.checkout.models import refund, sale
from ledger_service.checkout.records import points_value_of
from ledger_service.kernel.clock import format_instant
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.ids import derive_id, id_text, parse_id
from ledger_service.ledger.models import account, posting
from ledger_service.outbox.models import intent
from ledger_service.points.models import programme
from ledger_service.webhooks.rules import Kind

_S, _F, _P, _A, _G, _I = sale.c, refund.c, posting.c, account.c, programme.c, intent.c
# Points go to suspense, for the contract refuses an operation, and out again, for it is tried once more.
_REFUSALS = ("suspend", "resume")


class Fact(NamedTuple):
    """Something that a merchant is told; ``body`` does not name the member, ``event_id`` follows from what it
    tells."""

    event_id: bytes
    merchant_id: int
    kind: Kind
    member_id: int | None
    body: Mapping[str, Any]
    occurred_at: datetime


def facts_of_entries(conn: Connection, entries: Sequence[Any]) -> list[Fact]:
    """Sales, refunds and changes of points that these entries tell of, in their order.

    Args:
        conn: where the books stand.
        entries: rows with sequence, op_id, kind, body and occurred_at.
    """
    bodies = {row.sequence: orjson.loads(row.body) for row in entries}
    sales = _sales(conn, _named(bodies.values(), "sale"))
    refunds = _refunds(conn, _named(bodies.values(), "refund"))
    changes = _changes(conn, [row for row in entries if "import" not in bodies[row.sequence]])
    spent = _sales_that_only_spent(conn, entries, changes)
    refusals = _refusals(conn, [row for row in entries if row.kind in _REFUSALS], bodies)
    found: list[Fact] = []
    for row in entries:
        body = bodies[row.sequence]
        told = sales.get(str(body.get("sale"))) or spent.get(row.sequence)
        found += [fact for fact in (told, refunds.get(str(body.get("refund")))) if fact is not None]
        found += changes.get(row.sequence, ())
        found += refusals.get(row.sequence, ())
    return found


def _named(bodies: Iterable[Mapping[str, Any]], name: str) -> set[bytes]:
    return {parse_id(body[name], name) for body in bodies if isinstance(body.get(name), str)}


_SALE = (
    _S.sale_id, _S.kind, _S.merchant_id, _S.store_gln, _S.terminal_id, _S.member_id, _S.reference,
    _S.currency, _S.total_minor, _S.spent, _S.occurred_at,
)  # fmt: skip


def _sales(conn: Connection, ids: Collection[bytes]) -> dict[str, Fact]:
    rows = conn.execute(select(*_SALE).where(_S.sale_id.in_(list(ids)))) if ids else ()
    return {id_text(row.sale_id): _sold(row) for row in rows}


def _sold(row: Any) -> Fact:
    body = {
        "sale": id_text(row.sale_id), "capture_of_hold": row.kind == "capture",
        "store": gln_text(row.store_gln), "terminal": row.terminal_id, "reference": row.reference,
        "currency": row.currency, "total_minor": row.total_minor,
        "points_value_minor": points_value_of(row.spent),
    }  # fmt: skip
    event_id = derive_id("webhook", Kind.SALE, row.sale_id)
    return Fact(event_id, row.merchant_id, Kind.SALE, row.member_id, body, row.occurred_at)


def _sales_that_only_spent(
    conn: Connection, entries: Sequence[Any], changes: Mapping[int, Sequence[Fact]]
) -> dict[int, Fact]:
    """By entry: the sale of a redemption, which the entry does not name; found by member and instant."""
    wanted = {
        (changes[row.sequence][0].member_id, row.occurred_at): row
        for row in entries
        if row.kind == "redeem" and changes.get(row.sequence)
    }
    if not wanted:
        return {}
    members = {member_id for member_id, _ in wanted}
    instants = [at for _, at in wanted]
    its = select(*_SALE).where(
        _S.member_id.in_(members), _S.occurred_at.between(min(instants), max(instants)), _S.spent != ""
    )
    found = {}
    for row in conn.execute(its):
        entry = wanted.get((row.member_id, row.occurred_at))
        if entry is not None and entry.op_id.hex() in row.spent:
            found[entry.sequence] = _sold(row)
    return found


def _refunds(conn: Connection, ids: Collection[bytes]) -> dict[str, Fact]:
    if not ids:
        return {}
    joined = refund.join(sale, _S.sale_id == _F.sale_id)
    its = select(_F.refund_id, _F.sale_id, _F.merchant_id, _F.store_gln, _F.reference, _F.occurred_at,
                 _S.member_id).select_from(joined).where(_F.refund_id.in_(list(ids)))  # fmt: skip
    return {id_text(row.refund_id): _given_back(row) for row in conn.execute(its)}


def _given_back(row: Any) -> Fact:
    body = {
        "refund": id_text(row.refund_id), "sale": id_text(row.sale_id), "reference": row.reference,
        "store": None if row.store_gln is None else gln_text(row.store_gln),
    }  # fmt: skip
    event_id = derive_id("webhook", Kind.REFUND, row.refund_id)
    return Fact(event_id, row.merchant_id, Kind.REFUND, row.member_id, body, row.occurred_at)


def _changes(conn: Connection, entries: Sequence[Any]) -> dict[int, list[Fact]]:
    """By entry, what it did to members' points, for the merchant that owes them."""
    by_sequence = {row.sequence: row for row in entries}
    sums: dict[tuple[int, int, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for side, sign in ((_P.source_id, -1), (_P.destination_id, 1)):
        joined = posting.join(account, _A.account_id == side)
        its = select(_P.sequence, _P.programme_id, _P.amount, _A.kind, _A.member_id).select_from(joined)
        mine = _P.sequence.in_(list(by_sequence)) & _A.member_id.is_not(None)
        for row in conn.execute(its.where(mine)):
            sums[(row.sequence, row.member_id, row.programme_id)][row.kind] += sign * row.amount
    known = {row.programme_id: row for row in conn.execute(select(_G.programme_id, _G.code, _G.merchant_id))}
    found: dict[int, list[Fact]] = defaultdict(list)
    for (sequence, member_id, programme_id), parts in sorted(sums.items()):
        entry, of = by_sequence[sequence], known[programme_id]
        body = {
            "operation": id_text(entry.op_id), "cause": entry.kind, "programme": of.code,
            **{part: parts[part] for part in ("available", "held", "pending", "debt") if parts[part]},
        }  # fmt: skip
        event_id = derive_id("webhook", Kind.POINTS, sequence, member_id, programme_id)
        found[sequence].append(
            Fact(event_id, of.merchant_id, Kind.POINTS, member_id, body, entry.occurred_at)
        )
    return found


def _refusals(
    conn: Connection, entries: Sequence[Any], bodies: Mapping[int, Mapping[str, Any]]
) -> dict[int, list[Fact]]:
    """By entry, for whose points they are: the contract refuses an operation, or it is tried again.

    No points of the member have moved: what waits is the chain's word.
    """
    named = {row.sequence: parse_id(str(bodies[row.sequence]["operation"]), "operation") for row in entries}
    if not named:
        return {}
    its = select(_I.op_id, _I.member_id, _I.programme_ids).where(_I.op_id.in_(list(named.values())))
    refused = {row.op_id: row for row in conn.execute(its)}
    known = {row.programme_id: row for row in conn.execute(select(_G.programme_id, _G.code, _G.merchant_id))}
    found: dict[int, list[Fact]] = defaultdict(list)
    for entry in entries:
        op_id = named[entry.sequence]
        of_whom = refused[op_id].member_id
        for programme_id in map(int, refused[op_id].programme_ids.split(",")):
            of = known[programme_id]
            body = {"operation": id_text(op_id), "cause": entry.kind, "programme": of.code}
            if "reason" in bodies[entry.sequence]:
                body["reason"] = str(bodies[entry.sequence]["reason"])
            event_id = derive_id("webhook", Kind.POINTS, entry.sequence, of_whom, programme_id)
            found[entry.sequence].append(
                Fact(event_id, of.merchant_id, Kind.POINTS, of_whom, body, entry.occurred_at)
            )
    return found


def settled_fact(period: int, merchant_id: int, net_micros: int, at: datetime) -> Fact:
    """A merchant's net of a period that is closed for good."""
    body = {"period": period, "net_micros": net_micros, "seen_at": format_instant(at)}
    event_id = derive_id("webhook", Kind.SETTLEMENT, period, merchant_id)
    return Fact(event_id, merchant_id, Kind.SETTLEMENT, None, body, at)
