"""Fraud rules: proposed, tried on the past, published by another person; decisions, reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints import risk_shapes as risks
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import MOST_ROWS, PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Listing, Record, Text
from ledger_service.kernel.clock import (
    format_instant,
    instant_of_micros,
    instant_of_seconds,
    micros_of,
    parse_instant,
    seconds_floor,
)
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import id_text
from ledger_service.merchants import queries as merchants
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.risk import errors as refusals
from ledger_service.risk import queries, service
from ledger_service.risk.documents import outcome_name, rules_of
from ledger_service.risk.reasons import REASONS
from ledger_service.risk.replaying import Findings, replay, stored_decisions
from ledger_service.risk.rulebook import RuleBookCache
from ledger_service.risk.rules import ALLIANCE, RuleSet, Signal
from ledger_service.risk.service import Said

_GROUP = "Risk"
_OF_ALLIANCE = "alliance"
_AGES = (Signal.NEW_DEVICE, Signal.DORMANT)
_TRIED_DAYS, _TRIED_ACTS = 30, 5_000
PROPOSE = Route(
    "PUT", "/v1/risk/rules/<scope>", "propose-risk-rules", scopes("store:write"),
    "Propose the rules of a merchant or of the `alliance` from a time on, or try them on the past",
    group=_GROUP, write=True, body=risks.PROPOSAL,
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, refusals.RulesOutOfOrder),
    success=Success(200, "They wait for another person, or what they would have done.", risks.PROPOSED),
)  # fmt: skip
DECIDE = Route(
    "POST", "/v1/risk/rules/<scope>/<version>/decision", "decide-risk-rules", scopes("merchant:write"),
    "Publish or decline rules that another person proposed", group=_GROUP, write=True,
    body=Record({"publish": Flag()}),
    problems=(*WRITE_PROBLEMS, refusals.RulesUnknown, refusals.RulesDecided, refusals.RulesOutOfOrder,
              refusals.RulesNeedSecondPerson),
    success=Success(200, "Decided.", Record({"state": Text(one_of=("published", "declined"))}, closed=False)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/risk/rules/<scope>", "show-risk-rules", scopes("store:write", "audit:read"),
    "The latest versions of the rules of a merchant or of the `alliance`", group=_GROUP,
    problems=(NotYours, refusals.RulesUnknown), personal=False,
    success=Success(200, "The versions, oldest first.", risks.VERSIONS),
)  # fmt: skip
DECISIONS = Route(
    "GET", "/v1/risk/decisions", "list-risk-decisions", scopes("store:write", "audit:read"),
    "What was asked again, held or refused, newest first", group=_GROUP, query=PAGE_QUERY,
    problems=(CursorRefused,), success=Success(200, "A page.", paged("decisions", risks.DECISION)),
)  # fmt: skip
SAID = Route(
    "GET", "/v1/risk/reasons", "risk-reasons", scopes("programme:read"),
    "What members and cashiers are told, in three languages", group=_GROUP, personal=False,
    success=Success(200, "Every reason.", Record(
        {"reasons": Listing(risks.REASON_TEXTS, len(REASONS))}, closed=False)),
)  # fmt: skip
ROUTES = (PROPOSE, DECIDE, SHOW, DECISIONS, SAID)


@dataclass(frozen=True, slots=True)
class RiskDoor:
    """The endpoints of this module over the risk room."""

    administration: Administration
    rules: RuleBookCache
    cursors: Cursors

    def propose(self, call: Call) -> Reply:
        """The rules wait for a second person, or what they would have done is counted."""
        scope, given = _scope(call), call.body.fields
        effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
        rules = RuleSet(scope, 0, effective, rules_of(given["rules"]), effective)
        if given.get("dry_run", False):
            return self.administration.read(lambda conn: _tried(conn, call, rules))

        def act(conn: Connection) -> Json:
            if scope != ALLIANCE and merchants.find_merchant(conn, scope) is None:
                raise MerchantUnknown
            version = service.propose(conn, rules, Said(call.caller.subject, call.at))
            return {"scope": call.path["scope"], "version": version, "state": "asked", "tried": None}

        return self.administration.write(call, act, status=200)

    def decide(self, call: Call) -> Reply:
        """The version is published or declined."""
        scope, version = _scope(call), _number(call.path["version"])

        def act(conn: Connection) -> Json:
            said = Said(call.caller.subject, call.at)
            publish = call.body.fields["publish"]
            return {"state": service.decide(conn, scope, version, said, publish=publish)}

        reply = self.administration.write(call, act, status=200)
        self.rules.refresh()
        return reply

    def show(self, call: Call) -> Reply:
        """The latest versions."""
        scope = _scope(call)

        def find(conn: Connection) -> Json:
            found = queries.versions_of(conn, scope, MOST_ROWS)
            if not found:
                raise refusals.RulesUnknown
            return {"scope": call.path["scope"], "versions": [_version(row) for row in found]}

        return self.administration.read(find)

    def decisions(self, call: Call) -> Reply:
        """A page of decisions; a merchant sees those at its own tills, by its own rules."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"risk-decisions:{own}", call.query)

        def find(conn: Connection) -> Json:
            before = position_before(page.after)
            found = queries.decisions(conn, merchant_id=own, before=before, most=page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, position_of)
            return {"decisions": [decision_document(row, own) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def reasons(self, call: Call) -> Reply:
        """Every reason with its words."""
        told = [{"reason": r.code, "member": dict(r.member), "cashier": dict(r.cashier)} for r in REASONS]
        return Reply({"reasons": told})


def served(door: RiskDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.propose, door.decide, door.show, door.decisions, door.reasons)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def position_of(row: Row[Any]) -> str:
    """Where a decision stands in its list."""
    return f"{micros_of(row.decided_at)}:{row.decision_id.hex()}"


def position_before(after: str | None) -> queries.Position | None:
    """The instant and id of a position; None for the first page."""
    if after is None:
        return None
    micros, _, row_id = after.partition(":")
    return instant_of_micros(int(micros)), bytes.fromhex(row_id)


def _scope(call: Call) -> int:
    """The merchant of the path, or 0 for the alliance, which merchants may neither see nor set.

    Raises:
        NotYours: another merchant's, or the alliance's.
    """
    given = call.path["scope"]
    scope = ALLIANCE if given == _OF_ALLIANCE else parse_gln(given, "scope")
    require_merchant(call, scope, "scope")
    return scope


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise MalformedField("version", "must be a number")
    return int(text)


def _version(row: Row[Any]) -> Json:
    return {
        "version": row.version,
        "state": row.state,
        "effective_from": format_instant(instant_of_seconds(row.effective_from)),
        "rules": orjson.loads(row.body),
        "asked_by": row.asked_by,
        "decided_by": row.decided_by,
    }


def decision_document(row: Row[Any], own: int | None) -> Json:
    """A decision with its full reasons, or as its merchant may see it."""
    facts, hits = orjson.loads(row.facts), orjson.loads(row.hits)
    if own is not None:
        # A merchant learns what its own till said, by its own rules: nothing of the member's life elsewhere.
        facts = {name: facts[name] for name in ("acts", "terminal", "cashier", "goods") if name in facts}
        hits = [_without_ages(hit) for hit in hits if hit["scope"] == own]
    return {
        "decision": id_text(row.decision_id),
        "merchant": gln_text(row.merchant_id) if row.merchant_id else None,
        "outcome": row.outcome,
        "decided_at": format_instant(row.decided_at),
        "hits": hits,
        "facts": facts,
    }


def _without_ages(hit: Json) -> Json:
    # How old the member's account or phone is, the merchant has not seen itself.
    return {name: hit[name] for name in hit if name != "actual" or hit["signal"] not in _AGES}


def _tried(conn: Connection, call: Call, rules: RuleSet) -> Json:
    since = call.at - timedelta(days=_TRIED_DAYS)
    past = stored_decisions(conn, since, call.at, rules.merchant_id or None)
    found = Findings()
    for one in replay([rules], islice(past, _TRIED_ACTS)):
        found.take(one)
    changed = [
        {"was": outcome_name(was), "now": outcome_name(now), "acts": count}
        for (was, now), count in sorted(found.outcomes.items())
        if was is not now
    ]
    hits = [{"rule": code, "acts": count} for code, count in found.rules.most_common()]
    tried = {"acts": found.acts, "changed": changed, "hits": hits}
    return {"scope": call.path["scope"], "version": None, "state": "tried", "tried": tried}
