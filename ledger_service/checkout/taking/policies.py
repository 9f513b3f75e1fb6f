"""Publishing the rules by which a merchant takes points, and reading them; the caller commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, insert, select

from ledger_service.checkout.taking.errors import TakingNoticeTooShort, TakingRulesOutOfOrder
from ledger_service.checkout.taking.models import taking_rule
from ledger_service.checkout.taking.rules import (
    NOTICE_SECONDS,
    TakingRules,
    Version,
    rules_body,
    rules_of,
    tighter,
)
from ledger_service.kernel.clock import format_instant, instant_of_seconds, seconds_floor
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.models import merchant

_RULE = taking_rule.c
NO_RULES = TakingRules()


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules of a merchant, the second from which they hold (None for as soon as may be), and why."""

    merchant_id: int
    rules: TakingRules
    effective_from: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The version that a proposal would be or is, and in what it takes less than the one before."""

    version: Version
    tighter: list[str]


def judge(conn: Connection, wanted: Proposal, at: datetime) -> Judged:
    """What publishing would do; nothing is written.

    Raises:
        TakingNoticeTooShort: it takes less than before within a day, or begins in the past.
        TakingRulesOutOfOrder: a version begins later.
    """
    mine = select(taking_rule).where(_RULE.merchant_id == wanted.merchant_id)
    last = conn.execute(mine.order_by(_RULE.version.desc()).limit(1)).mappings().one_or_none()
    before = NO_RULES if last is None else rules_of(orjson.loads(last["body"]))
    less, now = tighter(before, wanted.rules), seconds_floor(at)
    earliest = now + (NOTICE_SECONDS if less else 0)
    begins = wanted.effective_from
    if begins is None:
        begins = earliest if last is None else max(earliest, seconds_floor(last["effective_from"]) + 1)
    if begins < earliest:
        raise TakingNoticeTooShort(format_instant(instant_of_seconds(earliest)), ", ".join(less))
    if last is not None and begins <= seconds_floor(last["effective_from"]):
        raise TakingRulesOutOfOrder(last["version"], format_instant(last["effective_from"]))
    number = 1 if last is None else last["version"] + 1
    return Judged(Version(number, begins, wanted.rules), less)


def publish(conn: Connection, wanted: Proposal, by: str, at: datetime) -> Judged:
    """The rules are the merchant's next version; raises as ``judge``.

    Locks: the merchant's row, so that of two at once the second is judged against the first.
    """
    mine = select(merchant.c.merchant_id).where(merchant.c.merchant_id == wanted.merchant_id)
    conn.execute(mine.with_for_update())
    judged = judge(conn, wanted, at)
    row = {
        "merchant_id": wanted.merchant_id, "version": judged.version.version,
        "effective_from": instant_of_seconds(judged.version.effective_from),
        "body": orjson.dumps(rules_body(wanted.rules)).decode(), "reason": wanted.reason,
        "published_by": by, "published_at": at,
    }  # fmt: skip
    conn.execute(insert(taking_rule).values(row))
    note_change(conn)
    return judged


def versions_after(conn: Connection, merchant_id: int, after: int, most: int) -> list[RowMapping]:
    """The merchant's versions behind a number, oldest first."""
    mine = (_RULE.merchant_id == merchant_id) & (_RULE.version > after)
    return list(conn.execute(select(taking_rule).where(mine).order_by(_RULE.version).limit(most)).mappings())


def published(conn: Connection) -> Mapping[int, tuple[Version, ...]]:
    """Every version of every merchant that has published one, oldest first."""
    columns = select(_RULE.merchant_id, _RULE.version, _RULE.effective_from, _RULE.body)
    found: dict[int, tuple[Version, ...]] = {}
    for row in conn.execute(columns.order_by(_RULE.merchant_id, _RULE.version)):
        body: dict[str, Any] = orjson.loads(row.body)
        version = Version(row.version, seconds_floor(row.effective_from), rules_of(body))
        found[row.merchant_id] = (*found.get(row.merchant_id, ()), version)
    return found
