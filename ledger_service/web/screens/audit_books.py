"""The auditor's further pages: ledger and chain, lines of a period, a sale's operations, a member's book."""

from __future__ import annotations

from ledger_service.web.drawing import Point, Stream, netting, series
from ledger_service.web.office.blocks import Block, Cell, Check, Facts, Note, Picture, Rows, Search, Sheet
from ledger_service.web.office.names import names_of
from ledger_service.web.office.reading import (
    Json,
    called,
    code,
    entry_said,
    instant,
    listed,
    micros,
    number,
    own_net_alone,
    part_said,
    shows,
    state,
    worded,
)
from ledger_service.web.screen import Screen, Visit, roles

AUDITOR = roles("auditor", "operator")
SETTLING = roles("auditor", "operator", "merchant")
_BOOKS, _SALE, _MEMBERS = "/audit/books", "/merchant/receipt", "/audit/members"


def books(visit: Visit) -> Sheet:
    """How far the chain is behind the ledger, what it refuses, and which differences are known."""
    told = visit.get("/v1/chain/status")
    lag, count = told["lag"], visit.formats.number
    facts = Facts([
        ("books.queued", count(lag["queued"])), ("books.packed", count(lag["packed"])),
        ("books.mined", count(lag["mined"])), ("books.oldest", visit.formats.instant(lag["oldest_queued"])),
        ("books.final_block", count(told["final_block"])), ("books.last_batch", count(told["last_batch"])),
    ])  # fmt: skip
    alarms = [[code(one["code"]), Cell(one["subject"]), Cell(one["detail"])] for one in told["alarms"]]
    found, more = listed(visit, "/v1/chain/set-aside", "set_aside", _BOOKS)
    aside = [[code(one["operation"], f"/audit/operation?operation={one['operation']}"), state(one["kind"]),
              Cell(one["reason"] or "–")] for one in found]  # fmt: skip
    blocks: list[Block] = [
        facts, Check("alliance audit\nalliance index\nalliance chain verify"),
        Rows("books.alarms", ("col.code", "col.subject", "col.detail"), alarms, empty="books.no_alarms"),
        Rows("books.set_aside", ("col.operation", "col.kind", "col.reason"), aside, more, "books.none_aside"),
    ]  # fmt: skip
    return Sheet("books.title", blocks, lead="books.lead")


def lines(visit: Visit) -> Sheet:
    """The lines of a period behind its nets, each with its operation's proof; a merchant sees its own."""
    period = visit.path["period"]
    told, names = visit.get(f"/v1/settlement/periods/{period}"), names_of(visit)
    here = f"/settlement/{period}/lines"
    found, more = listed(visit, f"/v1/settlement/periods/{period}/lines", "lines", here, limit="50")
    streams = [Stream(called(names, one["merchant"]), int(one["net_micros"])) for one in told["nets"]]
    nets = [[Cell(one.name), micros(visit, one.net)] for one in streams]
    title, alone = visit.say("lines.flow", period=period), own_net_alone(visit, told)
    total = visit.formats.exact(sum(one.net for one in streams))
    # One net alone is no netting, and its sum is not zero: then neither is drawn.
    whole = [Picture("lines.flow_about", netting(streams, title, visit.formats.micros)),
             Rows("lines.nets", ("col.merchant", "col.net"), nets, empty="lines.no_nets")]  # fmt: skip
    blocks: list[Block] = [
        Facts([("col.state", worded(visit, told["state"])),
               ("settlement.net_own" if alone else "lines.sum", total)]),
        *([Note("settlement.nets_own", "note")] if alone else whole),
        _line_rows(visit, found, more, names),
        Check(f"alliance verify settlement --rpc URL {visit.contracts} --period {period}"),
    ]  # fmt: skip
    back = f"/merchant/settlement/{period}" if visit.me.role == "merchant" else f"/audit/period/{period}"
    lead = "lines.lead" if visit.me.merchant is None else "lines.lead_own"
    return Sheet("lines.title", blocks, period, lead, back=back)


def recomputed(visit: Visit) -> Sheet:
    """Every net of a period made anew from its lines, beside the contract's, with what differs."""
    period = visit.path["period"]
    told, names = visit.get(f"/v1/settlement/periods/{period}/recomputation"), names_of(visit)
    agrees = told["agrees"]
    verdict = {
        True: Note("again.agrees"),
        False: Note("again.differs", "alert"),
        None: Note("again.many", "note"),
    }
    nets = [
        [Cell(called(names, one["merchant"])), micros(visit, one["net_micros"]),
         micros(visit, one["recomputed_micros"]),
         number(visit, int(one["difference_micros"]))]
        for one in told["nets"]
    ]  # fmt: skip
    differing = [row for row, one in zip(nets, told["nets"], strict=True) if int(one["difference_micros"])]
    pairs = [[Cell(called(names, one["debtor"])), Cell(called(names, one["creditor"])),
              micros(visit, one["owed_micros"])] for one in told["pairs"]]  # fmt: skip
    headings = ("col.merchant", "again.contract", "again.ours", "again.difference")
    blocks: list[Block] = [
        verdict[agrees], Facts([("col.state", worded(visit, told["state"])),
                                ("again.lines", visit.formats.number(told["lines"]))]),
        Rows("again.differences", headings, differing, empty="again.none_differs"),
        Rows("again.nets", headings, nets, empty="lines.no_nets"),
        Rows("again.pairs", ("col.debtor", "col.creditor", "col.owed"), pairs, empty="lines.none"),
        Check(f"alliance verify settlement --rpc URL {visit.contracts} --period {period}"),
    ]  # fmt: skip
    return Sheet("again.title", blocks, period, "again.lead", back=f"/audit/period/{period}")


def _line_rows(visit: Visit, found: list[Json], more: str, names: dict[str, str]) -> Rows:
    proof = visit.me.role != "merchant"
    rows = [
        [code(one["operation"], f"/audit/operation?operation={one['operation']}" if proof else ""),
         state(one["kind"]),
         Cell(called(names, one["debtor"])), Cell(called(names, one["creditor"])),
         micros(visit, one["owed_micros"])]
        for one in found
    ]  # fmt: skip
    headings = ("col.operation", "col.kind", "col.debtor", "col.creditor", "col.owed")
    return Rows("lines.all", headings, rows, more, "settlement.lines_further" if more else "lines.none")


def sale(visit: Visit) -> Sheet:
    """From the number on a receipt to the operations of the sale and their proofs."""
    wanted = visit.query.get("sale", "").strip().lower()
    blocks: list[Block] = [Search(_SALE, "sale", "sale.number", wanted)]
    answer = visit.ask(f"/v1/sales/{wanted}") if wanted.isalnum() else None
    if answer is not None and answer.good:
        blocks += _sale(visit, answer.document)
    elif wanted:
        blocks.append(Note("sale.unknown", "note"))
    return Sheet("sale.title", blocks, lead="sale.lead")


def _sale(visit: Visit, told: Json) -> list[Block]:
    names, count = names_of(visit), visit.formats.number
    facts = Facts([
        ("col.state", worded(visit, told["state"])), ("col.amount",
                                                            visit.formats.money(told["total_minor"])),
        ("sale.in_points", visit.formats.money(told["points_value_minor"])),
        ("col.merchant", called(names, told["merchant"])),
    ])  # fmt: skip
    moved = [
        [state("spent"), code(one["programme"]), Cell(count(one["points"]), "number")]
        for one in told["spent"]
    ]
    moved += [
        [state("earned"), code(one["programme"]), Cell(count(one["points"]), "number")]
        for one in told["earned"]
    ]
    operations = [[code(one)] for one in told["operations"]]
    return [
        facts, Rows("sale.points", ("col.what", "col.programme", "col.points"), moved,
                    empty="sale.no_points"),
        Rows("sale.operations", ("col.operation",), operations, empty="sale.no_operations"),
        Check(f"alliance index {visit.contracts}"),
    ]  # fmt: skip


def members(visit: Visit) -> Sheet:
    """The form that opens a member's book by its number, and the book."""
    wanted = visit.query.get("number", "").strip()
    search = Search(_MEMBERS, "number", "books.member", wanted)
    if not (wanted.isdecimal() and wanted.isascii()):
        return Sheet("books.of_member", [search], lead="books.member_lead")
    return Sheet("books.of_member", [search, *_book(visit, wanted)], wanted)


def member(visit: Visit) -> Sheet:
    """The same by its address."""
    wanted = visit.path["number"]
    return Sheet("books.of_member", _book(visit, wanted), wanted, back=_MEMBERS)


def _book(visit: Visit, wanted: str) -> list[Block]:
    count, told = visit.formats.number, visit.get(f"/v1/members/{wanted}/balance")
    rows = [[code(one["programme"]), *(number(visit, one[part]) for part in ("available", "held", "pending",
                                                                             "debt"))]
            for one in told["balances"]]  # fmt: skip
    headings = ("col.programme", "books.available", "books.held", "books.pending", "books.debt")
    found, more = listed(visit, f"/v1/members/{wanted}/entries", "entries", f"{_MEMBERS}/{wanted}")
    entries = [
        [number(visit, one["sequence"]), instant(visit, one["occurred_at"]), Cell(entry_said(visit, one)),
         Cell("; ".join(f"{count(p['points'])} {p['programme']} {part_said(visit, p['part'])}"
                        for p in one["postings"])),
         code(one["operation"][:12], f"/audit/operation?operation={one['operation']}")]
        for one in found
    ]  # fmt: skip
    points = _past(visit, wanted)
    return [
        Picture("books.over_time", series(points, visit.say("books.over_time"), count)),
        Rows(
            "books.past", ("col.at", "col.points"), [[Cell(p.name), number(visit, p.value)] for p in points]
        ),
        Rows("books.balances", headings, rows, empty="books.no_points"),
        Rows("books.entries", ("col.entry", "col.at", "col.kind", "col.points", "col.proof"), entries, more),
        Check("alliance audit"),
    ]


def _past(visit: Visit, wanted: str) -> list[Point]:
    """All of the member's points, whatever programme, now and some months back, by the service's clock."""
    told = visit.get(f"/v1/members/{wanted}/past-points")["past"]
    return [Point(visit.formats.day(one["as_of"]), one["points"]) for one in told]


SCREENS = (
    Screen("GET", _BOOKS, "audit-books", AUDITOR, shows(books)),
    Screen("GET", "/settlement/<period>/lines", "settlement-lines", SETTLING, shows(lines)),
    Screen("GET", "/audit/period/<period>/recomputation", "audit-recomputation", AUDITOR, shows(recomputed)),
    Screen("GET", _SALE, "merchant-receipt", roles("merchant"), shows(sale)),
    Screen("GET", _MEMBERS, "audit-members", AUDITOR, shows(members)),
    Screen("GET", f"{_MEMBERS}/<number>", "audit-member", AUDITOR, shows(member)),
)
