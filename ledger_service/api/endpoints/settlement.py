"""Settlement periods over HTTP: what merchants are owed, and the lines behind it; a merchant sees its own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.places import require_merchant
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.hexadecimal import parse_signature
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.ports import Governance, NetWord
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.chain import periods, standings
from ledger_service.chain.errors import PeriodUnknown
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.kernel.obligations import ObligationLine
from ledger_service.kernel.settlement_words import Held
from ledger_service.settlement.errors import PeriodNotPublished, SettlementNotOffered
from ledger_service.settlement.lines_file import COLUMNS, row_of

_GROUP = "Settlement"
_PERIOD = "/v1/settlement/periods/<period>"
# A merchant's scope that no till carries; auditors and operators have it too.
_READ = scopes("sale:read")
_MOST_DIGITS = 10
_ROW = Named("SettlementPeriod", Record({"period": Integer(1), "state": Text()}, closed=False))
MICROS = Text(pattern="-?[0-9]{1,29}", about="Whole micros of the settlement currency")
_NET = Record({"merchant": Text(), "net_micros": Text()}, closed=False)
_LINE = Named("SettlementLine", Record(
    {"batch": Integer(1), "position": Integer(), "leg": Integer(), "operation": shapes.HEX_ID, "kind": Text(),
     "debtor": Text(), "creditor": Text(), "owed_micros": Text(),
     "root": Text(pattern="[0-9a-f]{64}", about="Of the batch, as the contract stored it")},
    closed=False))  # fmt: skip
LIST = Route(
    "GET", "/v1/settlement/periods", "list-settlement-periods", _READ, "Periods, the open one last",
    group=_GROUP, query=PAGE_QUERY, problems=(CursorRefused,),
    success=Success(200, "A page, in order. `state` is open, closed, or final: no reorganisation undoes it.",
                    paged("periods", _ROW)),
)  # fmt: skip
FIND = Route(
    "GET", _PERIOD, "show-settlement-period", _READ, "Nets of a period; of an open one a merchant's own",
    group=_GROUP, problems=(PeriodUnknown,),
    success=Success(200, "Positive nets are owed to the merchant; all sum to zero.", shapes.answer(
        "SettlementPeriodNets", period=Integer(1), state=Text(), nets=Listing(_NET))),
)  # fmt: skip
LINES = Route(
    "GET", f"{_PERIOD}/lines", "list-settlement-lines", _READ, "Lines of a period: a merchant's own, or all",
    group=_GROUP, query=PAGE_QUERY, problems=(PeriodUnknown, CursorRefused),
    success=Success(200, "A page in chain order; it can hold fewer lines than asked for, with more behind.",
                    paged("lines", _LINE)),
)  # fmt: skip
_WRITE = scopes("store:write")
_STANDING = shapes.answer(
    "SettlementStanding", period=Integer(1), block=Integer(), statements=Text(), until=shapes.INSTANT,
    merchants=Listing(Record(
        {"merchant": Text(), "net_micros": Text(), "net_minor": Integer(-(2**63)),
         "confirmed": Flag("Its word that the net is right stands")}, closed=False)),
    disputes=Listing(Record(closed=False)), payouts=Listing(Record(closed=False)), payouts_total=Integer(),
)  # fmt: skip
SIGNATURE = Nullable(shapes.SIGNATURE)
STANDING = Route(
    "GET", f"{_PERIOD}/standing", "show-settlement-standing", _READ,
    "Who has confirmed a published period, what is disputed, what is paid", group=_GROUP,
    problems=(PeriodNotPublished,),
    success=Success(200, "As of `block`. A merchant sees its own disputes and payouts.", _STANDING),
)  # fmt: skip
CONFIRM = Route(
    "POST", f"{_PERIOD}/confirmations", "confirm-settlement-net", _WRITE,
    "A merchant's word that its net is right", group=_GROUP, write=True,
    body=Named("NetConfirmation", Record(
        {"merchant": shapes.GLN, "net_micros": MICROS},
        {"signature": SIGNATURE}, about="Custody signs where there is no `signature`")),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, NotYours, PeriodNotPublished, SettlementNotOffered),
    success=Success(201, "It stands on chain.", Record(closed=False)),
)  # fmt: skip
DISPUTE = Route(
    "POST", f"{_PERIOD}/disputes", "dispute-settlement-line", _WRITE,
    "A merchant's word that a part of a line is not owed; it is held out", group=_GROUP, write=True,
    body=Named("LineDispute", Record(
        {"merchant": shapes.GLN, "debtor": shapes.GLN, "creditor": shapes.GLN, "held_micros": MICROS,
         "evidence": Text(pattern="[0-9a-f]{64}", about="SHA-256 of the evidence, which you keep")},
        {"signature": SIGNATURE})),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, NotYours, PeriodNotPublished, SettlementNotOffered),
    success=Success(201, "It stands on chain; the rest of the period settles.", Record(closed=False)),
)  # fmt: skip
ROUTES = (LIST, FIND, LINES, STANDING, CONFIRM, DISPUTE)


@dataclass(frozen=True, slots=True)
class SettlementDoor:
    """The endpoints of this module over the mirror."""

    administration: Administration
    cursors: Cursors
    governance: Governance

    def list_all(self, call: Call) -> Reply:
        """Every period that has begun."""
        page = self.cursors.page("settlement-periods", call.query)

        def find(conn: Connection) -> Json:
            found = periods.periods_after(conn, page.after_number or 0, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.number)
            return {"periods": [period_row(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def find(self, call: Call) -> Reply:
        """The nets of a period."""
        number, own = period_number(call.path["period"]), call.caller.merchant_id

        def find(conn: Connection) -> Json:
            period = periods.period_of(conn, number)
            nets = periods.nets_of_period(conn, number)
            # What a rival earns today is nobody's business (D15); what is settled, all must agree on.
            seen = {m: n for m, n in nets.items() if period.closed or own in (None, m)}
            told = [{"merchant": gln_text(m), "net_micros": str(n)} for m, n in seen.items()]
            return {**period_row(period), "nets": told}

        return self.administration.read(find)

    def lines(self, call: Call) -> Reply:
        """Lines that the caller may see."""
        number, own = period_number(call.path["period"]), call.caller.merchant_id
        page = self.cursors.page(f"settlement-lines:{number}:{own}", call.query)
        after = None if page.after is None else _place(page.after)

        def find(conn: Connection) -> Json:
            periods.period_of(conn, number)
            found = periods.lines_behind(conn, number, own, (after, page.limit))
            behind = None if found.behind is None else ".".join(str(part) for part in found.behind)
            cursor = None if behind is None else self.cursors.seal(page.listing, behind)
            return {"lines": [_line(one) for one in found.lines], "next_cursor": cursor}

        return self.administration.read(find)

    def standing(self, call: Call) -> Reply:
        """Where a published period stands, as read from the desk."""
        number, own = period_number(call.path["period"]), call.caller.merchant_id
        return self.administration.read(lambda conn: _own_part(published(conn, number), own))

    def confirm(self, call: Call) -> Reply:
        """The merchant's confirmation is relayed."""
        given, number = call.body.fields, period_number(call.path["period"])
        merchant, signature = whose(call)
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        told: Json = {}
        self.administration.read(lambda conn: told.update(published(conn, number)) or {})
        statements = bytes.fromhex(told["statements"].removeprefix("0x"))
        word = NetWord(number, merchant, int(given["net_micros"]), statements)
        name = id_text(derive_id("confirmation", call.caller.subject, call.key))
        self.governance.confirm_period(word, signature, name)
        done = {"period": number, "merchant": gln_text(merchant), "net_micros": given["net_micros"]}
        return self.administration.write(call, lambda conn: done)

    def dispute(self, call: Call) -> Reply:
        """The merchant's dispute is relayed."""
        given, number = call.body.fields, period_number(call.path["period"])
        merchant, signature = whose(call)
        debtor, creditor = (parse_gln(given[side], side) for side in ("debtor", "creditor"))
        if merchant not in (debtor, creditor):
            raise MalformedField("merchant", "must be debtor or creditor")
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        self.administration.read(lambda conn: published(conn, number))
        evidence = bytes.fromhex(given["evidence"])
        held = Held(number, debtor, creditor, merchant, int(given["held_micros"]), evidence)
        self.governance.dispute_line(held, signature)
        done = {"period": number, "debtor": given["debtor"], "creditor": given["creditor"]}
        return self.administration.write(call, lambda conn: {**done, "held_micros": given["held_micros"]})


def served(door: SettlementDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.list_all, door.find, door.lines, door.standing, door.confirm, door.dispute)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def whose(call: Call) -> tuple[int, bytes | None]:
    """Whose word it is, and its own signature; an operator relays, and never has custody sign."""
    given = call.body.fields
    merchant, signed = parse_gln(given["merchant"], "merchant"), given.get("signature")
    require_merchant(call, merchant, "merchant")
    if signed is not None:
        return merchant, parse_signature(signed, "signature")
    if call.caller.merchant_id is None:
        raise NotYours("merchant")
    return merchant, None


def published(conn: Connection, period: int) -> Json:
    """Where a published period stands.

    Raises:
        PeriodNotPublished: as far as the bridge has read, it is not.
    """
    told = standings.find(conn, period)
    if told is None:
        raise PeriodNotPublished(period)
    return told


def _own_part(told: Json, own: int | None) -> Json:
    """The published totals, and of disputes and payouts those that the caller is a party to."""
    merchants = [{**one, "net_micros": str(one["net_micros"])} for one in told["merchants"]]
    mine = None if own is None else gln_text(own)
    disputes = [
        {**one, "held_micros": str(one["held_micros"])}
        for one in told["disputes"]
        if mine in (None, one["debtor"], one["creditor"])
    ]
    payouts = [one for one in told["payouts"] if mine in (None, one["payer"], one["payee"])]
    seen = {"merchants": merchants, "disputes": disputes, "payouts": payouts}
    return {**told, **seen, "payouts_total": len(told["payouts"])}


def period_row(period: periods.Period) -> Json:
    """A period with its state."""
    state = "final" if period.final else "closed" if period.closed else "open"
    return {"period": period.number, "state": state}


def _line(line: ObligationLine) -> Json:
    told = dict(zip(COLUMNS, row_of(line), strict=True))
    # Amounts are text: micros outgrow what a number of JavaScript holds.
    return {name: str(value) if name.endswith("_micros") else value for name, value in told.items()}


def period_number(text: str) -> int:
    """The period of a path.

    Raises:
        MalformedField: it is no whole number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise MalformedField("period", "must be a whole number")
    return int(text)


def _place(text: str) -> periods.Place:
    batch, position, leg = (int(part) for part in text.split("."))
    return batch, position, leg
