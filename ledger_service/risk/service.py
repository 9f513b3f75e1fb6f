"""Commands of the risk room: rules that one person proposes and another publishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import Connection, func, insert, select, update

from ledger_service.kernel.clock import seconds_floor
from ledger_service.risk.changes import changed
from ledger_service.risk.documents import rules_document
from ledger_service.risk.errors import RulesDecided, RulesNeedSecondPerson, RulesOutOfOrder, RulesUnknown
from ledger_service.risk.models import risk_rule_set
from ledger_service.risk.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Said:
    """Who says it, and when."""

    by: str
    at: datetime


def propose(conn: Connection, rules: RuleSet, said: Said) -> int:
    """The set waits for a second person; returns its version (that of ``rules`` is ignored).

    Raises:
        RulesOutOfOrder: it would count before now, or not after the published version before it.

    Locks: none; two proposals at once meet in the primary key, and one is told to try again.
    """
    _check_order(conn, rules, said.at)
    mine = risk_rule_set.c.merchant_id == rules.merchant_id
    version = (conn.execute(select(func.max(risk_rule_set.c.version)).where(mine)).scalar() or 0) + 1
    row = {
        "merchant_id": rules.merchant_id,
        "version": version,
        "effective_from": rules.effective_from,
        "body": orjson.dumps(rules_document(rules.rules)).decode(),
        "state": "asked",
        "asked_by": said.by,
        "asked_at": said.at,
    }
    conn.execute(insert(risk_rule_set).values(row))
    return version


def decide(conn: Connection, scope: int, version: int, said: Said, *, publish: bool) -> str:
    """The version is published, and judges from its effective time on, or declined; returns its state.

    A version whose time has passed while it waited counts from the decision on: never for the past.

    Raises:
        RulesUnknown, RulesDecided, RulesNeedSecondPerson: it cannot be decided like this.
        RulesOutOfOrder: a later version has been published meanwhile.

    Locks: the version's row.
    """
    key = (risk_rule_set.c.merchant_id == scope) & (risk_rule_set.c.version == version)
    row = conn.execute(select(risk_rule_set).where(key).with_for_update()).one_or_none()
    if row is None:
        raise RulesUnknown
    if row.state != "asked":
        raise RulesDecided(row.state)
    if row.asked_by == said.by:
        raise RulesNeedSecondPerson
    values = {"state": "declined", "decided_by": said.by, "decided_at": said.at}
    if publish:
        effective = max(row.effective_from, seconds_floor(said.at))
        _check_order(conn, RuleSet(scope, version, effective, ()), said.at)
        values |= {"state": "published", "effective_from": effective}
        changed(conn)
    conn.execute(update(risk_rule_set).where(key).values(values))
    return str(values["state"])


def _check_order(conn: Connection, rules: RuleSet, at: datetime) -> None:
    published = (risk_rule_set.c.merchant_id == rules.merchant_id) & (risk_rule_set.c.state == "published")
    latest = conn.execute(select(func.max(risk_rule_set.c.effective_from)).where(published)).scalar()
    earliest = max(seconds_floor(at), 0 if latest is None else latest + 1)
    if rules.effective_from < earliest:
        raise RulesOutOfOrder(earliest)
