"""The export of everything: files that another alliance, or this code elsewhere, can take in again.

One snapshot of the database, read in pages by key, so memory does not grow with the ledger and no sale waits.
members, cards, lots, history and sales are the very files that an import takes, with their manifest; all else
comes beside them. Who was erased has nothing left to export but entries and purchases of nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, text

from ledger_service.checkout.models import imported_sale, sale
from ledger_service.kernel.clock import format_instant, instant_of_micros, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.ledger.models import lot
from ledger_service.ledger.rules import Part
from ledger_service.members.models import member, member_card, member_identity, member_preference
from ledger_service.moving_in.exporting_baskets import BASKETS, baskets
from ledger_service.moving_in.exporting_dealings import DEALINGS, dealings
from ledger_service.moving_in.exporting_standings import STANDINGS, standings
from ledger_service.moving_in.manifest import MANIFEST, FileEntry, Manifest
from ledger_service.moving_in.models import imported_history
from ledger_service.moving_in.room import Note, Room
from ledger_service.moving_in.rules import CONSENT
from ledger_service.moving_in.snapshot import PAGE, Export
from ledger_service.moving_in.writing import Cells, Table, open_table
from ledger_service.points.catalogue import Programme, read_catalogue

CONTENTS = "export.json"
_COLUMNS = {
    "cards": ("external_id", "card_number"),
    "lots": ("external_id", "programme", "points", "last_day", "earned_on", "lot_id"),
    "history": ("external_id", "entry_id", "programme", "kind", "points", "occurred_at"),
    "sales": ("merchant", "reference", "total_minor", "occurred_at", "external_id"),
    "identities": ("external_id", "kind", "value"),
    "pending": ("external_id", "programme", "points", "last_day"),
    "entries": ("sequence", "op_id", "kind", "occurred_at", "recorded_at", "body", "hash"),
    "postings": ("sequence", "position", "source_id", "destination_id", "programme", "epoch", "amount"),
}
_IMPORTABLE = ("members", "cards", "lots", "history", "sales")
_ENTRIES = text(
    "SELECT sequence, op_id, kind, occurred_at, recorded_at, body, hash FROM entry"
    " WHERE sequence > :after AND sequence <= :upto ORDER BY sequence"
)
_POSTINGS = text(
    "SELECT p.sequence, p.position, p.source_id, p.destination_id, p.programme_id, p.epoch, p.amount, e.kind,"
    " e.occurred_at FROM posting AS p JOIN entry AS e ON e.sequence = p.sequence"
    " WHERE p.sequence > :after AND p.sequence <= :upto ORDER BY p.sequence, p.position"
)
_OWNERS = text("SELECT ledger_base, member_number FROM member WHERE ledger_base IN :bases").bindparams(
    bindparam("bases", expanding=True)
)


def export(room: Room, folder: Path, form: str, note: Note) -> dict[str, Any]:
    """Everything stands in a new folder, with manifest.json for an import and export.json as its contents.

    Args:
        room: the parts.
        folder: must not exist yet.
        form: ``csv`` or ``parquet``.
        note: told after each page.

    Returns:
        what export.json says.

    Raises:
        FileExistsError: the folder is there.
        ParquetReaderMissing: Parquet without pyarrow.
    """
    folder.mkdir(parents=True, mode=0o700)
    with room.database.snapshot() as conn, ExitStack() as stack:
        at, consents = room.clock.now(), _consents(conn)
        columns = {"members": _member_columns(consents), **_COLUMNS, **BASKETS, **STANDINGS, **DEALINGS}
        tables = {
            name: stack.enter_context(open_table(folder, name, some, form)) for name, some in columns.items()
        }
        told = Export(conn, room.desk.vault, read_catalogue(conn).programmes, tables, at, consents)
        parts = _people, _book, _imported_past, _sales, _old_sales, baskets, standings, dealings
        for part in parts:
            for what in part(told):
                note(f"export {what}", tables[what].count, tables[what].count)
    return _closed(folder, tables, at)


def _closed(folder: Path, tables: Mapping[str, Table], at: datetime) -> dict[str, Any]:
    files = tuple(
        FileEntry(kind, tables[kind].path.name, tables[kind].count, dict(tables[kind].points))
        for kind in _IMPORTABLE
        if tables[kind].count or kind == "members"
    )
    stamp = format_instant(at)
    (folder / MANIFEST).write_text(Manifest(f"export {stamp}", "alliance", files).text() + "\n")
    document = {"exported_at": stamp, "tables": {name: table.document() for name, table in tables.items()}}
    (folder / CONTENTS).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return document


def _member_columns(consents: Sequence[str]) -> tuple[str, ...]:
    return ("external_id", "name", "phone", "email", "language", *(CONSENT + name for name in consents))


def _consents(conn: Connection) -> tuple[str, ...]:
    found = conn.execute(select(member_preference.c.consents).distinct()).scalars()
    return tuple(sorted({name for listed in found for name in listed.split(",") if name}))


def _people(told: Export) -> Iterator[str]:
    after = 0
    query = select(member.c.member_id, member.c.member_number, member.c.display_name)
    while True:
        mine = query.where(member.c.member_id > after).order_by(member.c.member_id).limit(PAGE)
        page = told.conn.execute(mine).all()
        if not page:
            return
        span = (page[0].member_id, page[-1].member_id)
        numbers = {row.member_id: row.member_number for row in page if row.member_number is not None}
        names = {row.member_id: row.display_name or "" for row in page}
        _members(told, span, numbers, names)
        _cards(told, span, numbers)
        _lots(told, span, numbers)
        after = span[1]
        yield "members"


Span = tuple[int, int]
Numbers = Mapping[int, str]


def _members(told: Export, span: Span, numbers: Numbers, names: Mapping[int, str]) -> None:
    mi, mp = member_identity.c, member_preference.c
    query = select(mi.member_id, mi.kind, mi.value_sealed).where(mi.member_id.between(*span))
    values: dict[tuple[int, str], str] = {}
    for row in told.conn.execute(query.order_by(mi.member_id, mi.kind)):
        values[row.member_id, row.kind] = told.vault.open(row.kind, row.value_sealed)
    others = [(m, k, v) for (m, k), v in values.items() if k not in ("phone", "email") and m in numbers]
    told.tables["identities"].add([(numbers[m], kind, value) for m, kind, value in others])
    wishes = {
        row.member_id: row
        for row in told.conn.execute(select(member_preference).where(mp.member_id.between(*span)))
    }
    rows: list[Cells] = []
    for m, number in numbers.items():
        wish = wishes.get(m)
        agreed = wish.consents.split(",") if wish is not None else []
        flags = ["yes" if name in agreed else "no" for name in told.consents]
        language = (wish.language or "") if wish is not None else ""
        found = [values.get((m, kind), "") for kind in ("phone", "email")]
        rows.append((number, names[m], *found, language, *flags))
    told.tables["members"].add(rows)


def _cards(told: Export, span: Span, numbers: Numbers) -> None:
    card = member_card.c
    query = select(card.member_id, card.number_sealed).where(card.member_id.between(*span))
    query = query.where(card.ended_at.is_(None))
    rows = told.conn.execute(query.order_by(card.member_id, card.number_hash)).all()
    mine = [(numbers[row.member_id], row.number_sealed) for row in rows if row.member_id in numbers]
    told.tables["cards"].add([(number, told.vault.open("card", sealed)) for number, sealed in mine])


def _lots(told: Export, span: Span, numbers: Numbers) -> None:
    second, rows, pending = seconds_floor(told.at), list[Cells](), list[Cells]()
    query = select(lot).where(lot.c.member_id.between(*span))
    for row in told.conn.execute(query.order_by(lot.c.member_id, lot.c.programme_id, lot.c.epoch)):
        programme, has = told.programmes[row.programme_id], row.available + row.held
        ends_at = programme.epoch_ends[row.epoch - 1]
        if row.member_id not in numbers or ends_at <= second:
            continue
        number, last = numbers[row.member_id], _last_day(programme, ends_at)
        if has:
            earned = "" if last else told.at.astimezone(programme.zone).date().isoformat()
            rows.append((number, programme.code, str(has), last, earned, str(row.epoch)))
            told.tables["lots"].points[programme.code] += has
        if row.pending:
            pending.append((number, programme.code, str(row.pending), last))
            told.tables["pending"].points[programme.code] += row.pending
    told.tables["lots"].add(rows)
    told.tables["pending"].add(pending)


def _last_day(programme: Programme, ends_at: int) -> str:
    """The last local day of an epoch; empty where it never ends."""
    if ends_at >= NEVER_SECONDS:
        return ""
    last = instant_of_seconds(ends_at) - timedelta(seconds=1)
    return last.astimezone(programme.zone).date().isoformat()


def _book(told: Export) -> Iterator[str]:
    last = int(told.conn.execute(text("SELECT COALESCE(MAX(sequence), 0) FROM entry")).scalar_one())
    for after in range(0, last, PAGE):
        span = {"after": after, "upto": after + PAGE}
        entries = [
            (str(n), bytes(op_id).hex(), kind, _moment(at), _moment(recorded), body, bytes(digest).hex())
            for n, op_id, kind, at, recorded, body, digest in told.conn.execute(_ENTRIES, span)
        ]
        postings = told.conn.execute(_POSTINGS, span).all()
        told.tables["entries"].add(entries)
        told.tables["postings"].add([tuple(map(str, row[:7])) for row in postings])
        told.tables["history"].add(_bookings(told, postings))
        yield "entries"


def _bookings(told: Export, postings: Sequence[Any]) -> list[Cells]:
    """What the postings did to members' available points."""
    sides = [(row, side, sign) for row in postings for side, sign in ((row[2], -1), (row[3], 1))]
    bases = {side - Part.AVAILABLE for _, side, _ in sides}
    numbers = {base: number for base, number in told.conn.execute(_OWNERS, {"bases": list(bases)}) if number}
    return [
        (numbers[side], f"{row[0]}-{row[1]}", told.programmes[row[4]].code, row[7], str(sign * row[6]),
         format_instant(instant_of_seconds(row[8] // 1_000_000)))
        for row, side, sign in sides
        if side in numbers
    ]  # fmt: skip


def _imported_past(told: Export) -> Iterator[str]:
    h, after = imported_history.c, (0, bytes(16))
    what = (h.programme_id, h.kind, h.points, h.occurred_at)
    query = select(h.member_id, h.row_key, *what, member.c.member_number)
    joined = query.join(member, member.c.member_id == h.member_id).order_by(h.member_id, h.row_key)
    while True:
        behind = (h.member_id > after[0]) | ((h.member_id == after[0]) & (h.row_key > after[1]))
        page = told.conn.execute(joined.where(behind).limit(PAGE)).all()
        if not page:
            return
        told.tables["history"].add([
            (r.member_number, r.row_key.hex(), told.programmes[r.programme_id].code, r.kind, str(r.points),
             format_instant(r.occurred_at))
            for r in page if r.member_number is not None
        ])  # fmt: skip
        after = (page[-1].member_id, page[-1].row_key)
        yield "history"


def _sales(told: Export) -> Iterator[str]:
    s = sale.c
    query = select(s.sale_id, s.merchant_id, s.total_minor, s.occurred_at, member.c.member_number)
    yield from _paged_sales(told, query, s.sale_id, None)


def _old_sales(told: Export) -> Iterator[str]:
    s = imported_sale.c
    what = (s.merchant_id, s.total_minor, s.occurred_at, s.reference)
    query = select(s.sale_id, *what, member.c.member_number)
    yield from _paged_sales(told, query, s.sale_id, "reference")


def _paged_sales(told: Export, query: Any, key: Any, reference: str | None) -> Iterator[str]:
    """Sales by their id; a sale of this ledger is known elsewhere by that id, an older one by its receipt."""
    after, table = bytes(16), key.table
    joined = query.outerjoin(member, member.c.member_id == table.c.member_id).order_by(key).limit(PAGE)
    while True:
        page = told.conn.execute(joined.where(key > after)).all()
        if not page:
            return
        told.tables["sales"].sums["total_minor"] += sum(row.total_minor for row in page)
        told.tables["sales"].add([
            (gln_text(row.merchant_id), getattr(row, reference) if reference else row.sale_id.hex(),
             str(row.total_minor), format_instant(instant_of_seconds(seconds_floor(row.occurred_at))),
             row.member_number or "")
            for row in page
        ])  # fmt: skip
        after = page[-1].sale_id
        yield "sales"


def _moment(micros: int) -> str:
    return format_instant(instant_of_micros(micros))
