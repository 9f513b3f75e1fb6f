"""A programme's terms, earn rule and document as JSON, both ways."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.api import shapes
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.text import clean_text
from ledger_service.points.basis import GoodsKind, OwnPoints, TenderType, basis_body, basis_of
from ledger_service.points.catalogue import Programme
from ledger_service.points.expiry_rules import Expiry, Jurisdiction, expiry_of
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.notice_rules import MOST_DAYS_BEFORE, MOST_NOTICES
from ledger_service.points.pending_rules import MOST_DAYS, PendingTerms, Wait
from ledger_service.points.rule_text import audience_body, audience_of
from ledger_service.points.rules import Cycle, EarnRule, Multiplier

Json = dict[str, Any]
_LONGEST_CATEGORY = 64
_CATEGORY = Text(_LONGEST_CATEGORY)

TERMS: dict[str, Schema] = {
    "point_value_micros": Integer(1, 10**12, "Settlement micros of a point"),
    "fee_bps": Integer(0, 10_000, "The pair's fee in hundredths of a percent; the issuer keeps it"),
    "issuance_cap": Integer(1, about="Points that may ever be issued"),
    "validity_epochs": Integer(0, 10_000, "Epochs after the one of the purchase"),
}
_MULTIPLIER = Record(
    {"starts_at": shapes.INSTANT, "ends_at": shapes.INSTANT, "percent": Integer(101, 10_000)},
    {
        "categories": Nullable(Listing(_CATEGORY, 200, 1)),
        "segments": Listing(Text(32, about="The merchant's code of a segment"), 10, 1),
        "first_purchase": Flag("Only at the member's first purchase from the merchant"),
    },
)
_PENDING = Record(
    {"wait": Text(one_of=tuple(w.value for w in Wait))},
    {
        "days": Integer(1, MOST_DAYS),
        "until": shapes.INSTANT,
        "event": shapes.EVENT,
        "unless_seen": Text(one_of=("lapse", "vest"), about="At an event's deadline; lapse when absent"),
    },
    about="`days` of days, return_window and (as the deadline) event; `until` of until_date",
)
_KINDS = Listing(Text(one_of=tuple(GoodsKind)), len(GoodsKind))
BASIS = Named(
    "EarnBasis",
    Record(
        {},
        {
            "tax_earns": Flag("Whether tax earns; yes where absent"),
            "tenders_without_earn": Listing(Text(one_of=tuple(TenderType)), len(TenderType),
                                            about="`points` and `coupon` where absent"),
            "kinds_without_earn": _KINDS,
            "kinds_without_points": _KINDS,
            "own_points": Text(one_of=tuple(OwnPoints), about="What the seller's own points are to its tax"),
        },
        about="Which part of a basket earns, and what points may pay for; absent fields are as usual",
    ),
)  # fmt: skip
EARN = Named(
    "EarnRule",
    Record(
        {"points": Integer(1, 1_000_000), "per_minor": Integer(1, 1_000_000_000)},
        {
            "daily_cap": Nullable(Integer(1)),
            "excluded": Listing(_CATEGORY, 200),
            "multipliers": Listing(_MULTIPLIER, 50),
            "pending": Nullable(_PENDING),
            "basis": BASIS,
        },
        about="`points` for each `per_minor` minor units paid in money, rounded down once per sale",
    ),
)
NOTICE_DAYS = Listing(
    Integer(1, MOST_DAYS_BEFORE, "Days before the points cannot be spent any more"), MOST_NOTICES
)
ACTIVITIES = Listing(
    Text(one_of=tuple(a.value for a in Activity)), len(Activity), 1, "What puts the end of points off"
)
EXPIRY = Text(one_of=tuple(e.value for e in Expiry), about="What calendar and newest terms come to")
JURISDICTION = Text(one_of=tuple(j.value for j in Jurisdiction), about="Whose law the terms must keep to")
PROGRAMME = Named(
    "Programme",
    Record(
        {
            "programme": shapes.PROGRAMME,
            "programme_id": Integer(1),
            "merchant": shapes.GLN,
            "name": Text(80),
            "currency": shapes.CURRENCY,
            "timezone": Text(64),
            "epochs": Listing(Record({"epoch": Integer(1), "ends_at": Nullable(shapes.INSTANT)}), 70_000),
            "terms": Listing(
                Record({"version": Integer(1), "effective_from": shapes.INSTANT, **TERMS}), 70_000
            ),
            "rules": Listing(Record({"version": Integer(1), "effective_from": shapes.INSTANT}, closed=False)),
            "notice_days": NOTICE_DAYS,
            "expiry": EXPIRY,
            "jurisdiction": JURISDICTION,
            "inactivity": Listing(Text(one_of=tuple(a.value for a in Activity)), len(Activity)),
            "end": Nullable(
                Record(
                    {
                        "issues_until": shapes.INSTANT,
                        "ends_at": shapes.INSTANT,
                        "converts_into": Integer(
                            1, about="The programme_id of the one that the rest converts into"
                        ),
                        "spread_bps": Integer(0, 9_999),
                    },
                    about="Announced: nothing is accepted from `ends_at` on",
                )
            ),
        },
        closed=False,
    ),
)


def terms_of_body(given: Json) -> dict[str, int]:
    """The four figures of terms."""
    return {name: given[name] for name in TERMS}


def rule_of_body(given: Json, version: int, effective_from: int) -> EarnRule:
    """The earn rule of a body, as the next version.

    Raises:
        MalformedField: a multiplier that ends before it begins, pending terms that lack something.
    """
    multipliers = [_multiplier(i, raw) for i, raw in enumerate(given.get("multipliers", ()))]
    return EarnRule(
        version=version,
        effective_from=effective_from,
        rate_points=given["points"],
        rate_minor=given["per_minor"],
        excluded=_categories(given.get("excluded", ()), "earn.excluded"),
        multipliers=tuple(multipliers),
        daily_cap=given.get("daily_cap"),
        pending=_pending_of(given.get("pending")),
        basis=basis_of(given.get("basis", {})),
    )


def programme_document(programme: Programme) -> Json:
    """The programme with all its versions; an epoch that never ends has no end."""
    token = programme.token
    return {
        "programme": programme.code,
        "programme_id": programme.programme_id,
        "merchant": gln_text(programme.merchant_id),
        "name": programme.name,
        "currency": programme.currency,
        "timezone": programme.timezone,
        "pending_days": programme.pending_days,
        "notice_days": list(programme.notice_days),
        "expiry": _expiry(programme).value,
        "jurisdiction": programme.jurisdiction.value,
        "inactivity": [activity.value for activity in programme.activities],
        "token": None if token is None else hex_text(token),
        "epochs": [{"epoch": e, "ends_at": instant_or_never(end)}
                   for e, end in enumerate(programme.epoch_ends, 1)],
        "terms": [
            {"version": t.version, "effective_from": _instant(t.effective_from),
             **{name: getattr(t, name) for name in TERMS}}
            for t in programme.terms
            if t.issuance_cap
        ],
        "end": _end(programme),
        "rules": [_rule(rule) for rule in programme.rules],
    }  # fmt: skip


def _end(programme: Programme) -> Json | None:
    end = programme.end
    if end is None:
        return None
    return {
        "issues_until": _instant(end.closing.effective_from),
        "ends_at": _instant(end.ends_at),
        "converts_into": end.target_id,
        "spread_bps": end.spread_bps,
    }


def _expiry(programme: Programme) -> Expiry:
    cycle, terms = Cycle(programme.cycle), programme.terms[-1]
    return expiry_of(cycle, programme.epoch_ends, terms, bool(programme.activities))


def instant_or_never(seconds: int) -> str | None:
    """The instant as text; None for an end that never comes."""
    return None if seconds >= 2**37 else _instant(seconds)


def _instant(seconds: int) -> str:
    return format_instant(instant_of_seconds(seconds))


def _rule(rule: EarnRule) -> Json:
    return {
        "version": rule.version,
        "effective_from": _instant(rule.effective_from),
        "points": rule.rate_points,
        "per_minor": rule.rate_minor,
        "excluded": sorted(rule.excluded),
        "daily_cap": rule.daily_cap,
        "pending": None if rule.pending is None else _pending(rule.pending),
        "multipliers": [
            {"starts_at": _instant(m.starts_at), "ends_at": _instant(m.ends_at), "percent": m.percent,
             "categories": None if m.categories is None else sorted(m.categories),
             **audience_body(m.audience)}
            for m in rule.multipliers
        ],
        "basis": basis_body(rule.basis),
    }  # fmt: skip


_FIELDS_OF_WAIT = {
    Wait.NONE: frozenset[str](),
    Wait.DAYS: frozenset({"days"}),
    Wait.UNTIL_DATE: frozenset({"until"}),
    Wait.RETURN_WINDOW: frozenset({"days"}),
    Wait.EVENT: frozenset({"days", "event"}),
}


def _pending_of(given: Json | None) -> PendingTerms | None:
    if given is None:
        return None
    wait = Wait(given["wait"])
    needed, allowed = _FIELDS_OF_WAIT[wait], _FIELDS_OF_WAIT[wait] | {"wait"}
    if wait is Wait.EVENT:
        allowed |= {"unless_seen"}
    for name in sorted(needed - given.keys()):
        raise MalformedField(f"earn.pending.{name}", f"is needed where wait is {wait.value}")
    for name in sorted(given.keys() - allowed):
        raise MalformedField(f"earn.pending.{name}", f"has no meaning where wait is {wait.value}")
    until = given.get("until")
    return PendingTerms(
        wait,
        given.get("days", 0),
        0 if until is None else seconds_floor(parse_instant(until, "earn.pending.until")),
        given.get("event", ""),
        given.get("unless_seen", "lapse") == "lapse",
    )


def _pending(terms: PendingTerms) -> Json:
    values = {"days": terms.days, "event": terms.event}
    if terms.wait is Wait.UNTIL_DATE:
        values["until"] = _instant(terms.until)
    told: Json = {"wait": terms.wait.value, **{name: values[name] for name in _FIELDS_OF_WAIT[terms.wait]}}
    return told | ({"unless_seen": "lapse" if terms.lapses else "vest"} if terms.wait is Wait.EVENT else {})


def _multiplier(index: int, raw: Json) -> Multiplier:
    where = f"earn.multipliers[{index}]"
    starts = seconds_floor(parse_instant(raw["starts_at"], f"{where}.starts_at"))
    ends = seconds_floor(parse_instant(raw["ends_at"], f"{where}.ends_at"))
    if ends <= starts:
        raise MalformedField(f"{where}.ends_at", "must be later than it starts")
    listed = raw.get("categories")
    categories = None if listed is None else _categories(listed, where)
    return Multiplier(starts, ends, raw["percent"], categories, audience_of(raw))


def _categories(listed: Iterable[str], where: str) -> frozenset[str]:
    # In the normal form that a till's lines are read in, or they would never meet.
    return frozenset(clean_text(category, where, _LONGEST_CATEGORY) for category in listed)
