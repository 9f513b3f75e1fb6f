"""Which points a merchant takes as payment: rules tried and published, and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.checkout.errors import StoreOfAnotherMerchant
from ledger_service.checkout.line_parsing import GREATEST_MINOR
from ledger_service.checkout.taking import errors as refusals
from ledger_service.checkout.taking import policies
from ledger_service.checkout.taking.policies import Judged, Proposal
from ledger_service.checkout.taking.rules import DAY_MINUTES, WHOLE_BPS, rules_body, rules_of
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.text import clean_text
from ledger_service.merchants.errors import MerchantUnknown, StoreUnknown
from ledger_service.merchants.queries import find_merchant, find_store
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.errors import ProgrammeUnknown

_GROUP = "Merchants"
_MOST = 1_000
_BPS = Integer(0, WHOLE_BPS, "Basis points")
_SUM = Nullable(Integer(0, GREATEST_MINOR, "Minor units; null for no bound"))
_RULES: dict[str, Schema] = {
    "only_programmes": Nullable(Listing(shapes.PROGRAMME, _MOST, about="Null takes every programme")),
    "not_programmes": Listing(shapes.PROGRAMME, _MOST),
    "not_stores": Listing(shapes.GLN, _MOST, about="Stores that take no points"),
    "not_dates": Listing(shapes.DATE, _MOST, about="Days without points, by the store's calendar"),
    "weekdays": Listing(Integer(1, 7), 7, about="Days with points; Monday is 1"),
    "hours": Listing(Integer(0, DAY_MINUTES), 2, 2, about="Minutes after midnight; the second is outside"),
    "category_bps": Listing(Record({"category": Text(64), "bps": _BPS}), _MOST, about="0 takes none"),
    "ticket_bps": _BPS,
    "least_minor": Integer(0, GREATEST_MINOR),
    "most_minor": _SUM,
    "member_day_minor": _SUM,
    "store_day_minor": _SUM,
    "merchant_day_minor": _SUM,
}
_VERSION = shapes.answer(
    "AcceptanceRules", merchant=shapes.GLN, version=Integer(1), effective_from=shapes.INSTANT,
    rules=Record({}, _RULES, closed=False),
)  # fmt: skip
_PATH = "/v1/merchants/<gln>/acceptance-rules"
PUBLISH = Route(
    "POST", _PATH, "publish-acceptance-rules", scopes("store:write"),
    "Publish which points the merchant takes from a time on, or try it", group=_GROUP, write=True,
    body=Named("NewAcceptanceRules", Record(
        {"rules": Record({}, _RULES), "reason": Text(200)},
        {"effective_from": Nullable(shapes.INSTANT), "dry_run": Flag("Nothing is published")})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown, ProgrammeUnknown, StoreUnknown,
              StoreOfAnotherMerchant, refusals.TakingNoticeTooShort, refusals.TakingRulesOutOfOrder),
    success=Success(200, "The version, and in what it takes less than the one before.", _VERSION),
)  # fmt: skip
LIST = Route(
    "GET", _PATH, "acceptance-rules", scopes("quote", "merchant:read"),
    "Every version of the rules by which a merchant takes points", group=_GROUP, query=PAGE_QUERY,
    problems=(MerchantUnknown, CursorRefused),
    success=Success(200, "A page, oldest first; none takes whatever comes.", paged("versions", _VERSION)),
)  # fmt: skip
ROUTES = (PUBLISH, LIST)


@dataclass(frozen=True, slots=True)
class AcceptanceDoor:
    """The endpoints of this module over the rules of taking points."""

    administration: Administration
    catalogue: CatalogueCache
    cursors: Cursors

    def publish(self, call: Call) -> Reply:
        """The merchant has a further version, or is told what it would be."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        require_merchant(call, merchant_id, "gln")
        wanted, given = _proposal(call, merchant_id), call.body.fields
        dry = given.get("dry_run", False)

        def act(conn: Connection) -> Json:
            self._check(conn, wanted)
            if dry:
                judged = policies.judge(conn, wanted, call.at)
            else:
                judged = policies.publish(conn, wanted, call.caller.subject, call.at)
            return _judged(wanted, judged) | {"published": not dry}

        return self.administration.read(act) if dry else self.administration.write(call, act, status=200)

    def versions(self, call: Call) -> Reply:
        """A page of the merchant's versions."""
        merchant_id = parse_gln(call.path["gln"], "gln")
        page = self.cursors.page(f"acceptance-rules:{merchant_id}", call.query)

        def find(conn: Connection) -> Json:
            if find_merchant(conn, merchant_id) is None:
                raise MerchantUnknown
            found = policies.versions_after(conn, merchant_id, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda row: row["version"])
            return {"versions": [_version(row) for row in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def _check(self, conn: Connection, wanted: Proposal) -> None:
        if find_merchant(conn, wanted.merchant_id) is None:
            raise MerchantUnknown
        rules, known = wanted.rules, self.catalogue.current().by_code
        for code in sorted((rules.only_programmes or frozenset()) | rules.not_programmes):
            if code not in known and code not in self.catalogue.refresh().by_code:
                raise ProgrammeUnknown(code)
        for gln in sorted(rules.not_stores):
            store = find_store(conn, gln)
            if store is None:
                raise StoreUnknown
            if store.merchant_id != wanted.merchant_id:
                raise StoreOfAnotherMerchant(gln_text(gln))


def served(door: AcceptanceDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.publish, door.versions)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _proposal(call: Call, merchant_id: int) -> Proposal:
    given = call.body.fields
    rules: Json = given["rules"]
    for index, gln in enumerate(rules.get("not_stores", ())):
        parse_gln(gln, f"rules.not_stores[{index}]")
    for index, day in enumerate(rules.get("not_dates", ())):
        try:
            date.fromisoformat(day)
        except ValueError:
            raise MalformedField(f"rules.not_dates[{index}]", "must be a day, YYYY-MM-DD") from None
    names = [row["category"] for row in rules.get("category_bps", ())]
    if len(set(names)) < len(names):
        raise MalformedField("rules.category_bps", "must name each category once")
    begins = given.get("effective_from")
    second = None if begins is None else seconds_floor(parse_instant(begins, "effective_from"))
    reason = clean_text(given["reason"], "reason", 200)
    return Proposal(merchant_id, rules_of(rules), second, reason)


def _judged(wanted: Proposal, judged: Judged) -> Json:
    return {
        "merchant": gln_text(wanted.merchant_id),
        "version": judged.version.version,
        "effective_from": format_instant(instant_of_seconds(judged.version.effective_from)),
        "rules": rules_body(wanted.rules),
        "reason": wanted.reason,
        "tighter": judged.tighter,
    }


def _version(row: Mapping[Any, Any]) -> Json:
    return {
        "merchant": gln_text(row["merchant_id"]),
        "version": row["version"],
        "effective_from": format_instant(row["effective_from"]),
        "rules": orjson.loads(row["body"]),
        "reason": row["reason"],
        "published_at": format_instant(row["published_at"]),
    }
