"""The export of everything: files that another alliance, or this code elsewhere, can take in again.

One snapshot of the database, read in pages by key, so memory does not grow with the ledger and no sale waits.
members, cards, lots, history and sales are the very files that an import takes, with their manifest; all else
comes beside them. Who was erased has nothing left to export but entries and purchases of nobody. A merchant's
own export has its rows of everything, members by number alone, and nothing of another merchant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, text

from ledger_service.checkout.models import imported_sale, sale
from ledger_service.db.schema import whole_metadata
from ledger_service.kernel.clock import format_instant, instant_of_micros, instant_of_seconds, seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.ledger.rules import Part
from ledger_service.members.models import member, member_preference
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.merchants.models import merchant
from ledger_service.moving_in.belonging import is_open
from ledger_service.moving_in.contents import TOLD, WHOLE
from ledger_service.moving_in.exporting_baskets import BASKETS, baskets
from ledger_service.moving_in.exporting_dealings import DEALINGS, dealings
from ledger_service.moving_in.exporting_people import people
from ledger_service.moving_in.exporting_standings import STANDINGS, standings
from ledger_service.moving_in.exporting_whole import columns_of, whole_tables
from ledger_service.moving_in.manifest import MANIFEST, FileEntry, Manifest
from ledger_service.moving_in.models import imported_history
from ledger_service.moving_in.room import Note, Room
from ledger_service.moving_in.rules import CONSENT
from ledger_service.moving_in.snapshot import PAGE, Export
from ledger_service.moving_in.writing import Cells, Table, Wish, open_table, unfinished
from ledger_service.points.catalogue import read_catalogue

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


def export(room: Room, folder: Path, wish: Wish, note: Note) -> dict[str, Any]:
    """Everything stands in a new folder, with manifest.json for an import and export.json as its contents.

    The folder has its name when it is complete; until then it is called NAME.unfinished. What a kill leaves
    under that name, the next export of this folder begins anew.

    Args:
        room: the parts.
        folder: must not exist yet.
        wish: in which form, and whose.
        note: told after each page.

    Returns:
        what export.json says.

    Raises:
        FileExistsError: the folder is there, or another process is writing it.
        MerchantUnknown: nobody of this GLN takes part.
        ParquetReaderMissing: Parquet without pyarrow.
    """
    whole_metadata()
    with unfinished(folder) as beside, room.database.snapshot() as conn:
        return _written(room, conn, beside, wish, note)


def _written(room: Room, conn: Connection, folder: Path, wish: Wish, note: Note) -> dict[str, Any]:
    at, consents, catalogue = room.clock.now(), _consents(conn), read_catalogue(conn)
    _refuse_stranger(conn, wish.merchant)
    with ExitStack() as stack:
        tables = {
            name: stack.enter_context(open_table(folder, name, some, wish.form))
            for name, some in _columns(consents, wish.merchant).items()
        }
        told = Export(conn, room.desk.vault, catalogue.programmes, tables, at, consents, wish.merchant)
        parts = people, _book, _imported_past, _sales, _old_sales, baskets, standings, dealings, whole_tables
        for part in parts:
            for what in part(told):
                note(f"export {what}", tables[what].count, tables[what].count)
    return _closed(folder, tables, at, wish.merchant)


def _columns(consents: Sequence[str], merchant_id: int | None) -> dict[str, Sequence[str]]:
    """The columns of each file; a merchant's own export has those alone that say something of it."""
    whole = {name: columns_of(name) for name in WHOLE}
    every: dict[str, Sequence[str]] = {
        "members": _member_columns(consents), **_COLUMNS, **BASKETS, **STANDINGS, **DEALINGS, **whole,
    }  # fmt: skip
    if merchant_id is None:
        return every
    return {name: some for name, some in every.items() if is_open(*TOLD.get(name, (name,)))}


def _refuse_stranger(conn: Connection, merchant_id: int | None) -> None:
    known = select(merchant.c.merchant_id).where(merchant.c.merchant_id == merchant_id)
    if merchant_id is not None and conn.execute(known).first() is None:
        raise MerchantUnknown


def _closed(
    folder: Path, tables: Mapping[str, Table], at: datetime, merchant_id: int | None
) -> dict[str, Any]:
    stamp = format_instant(at)
    if merchant_id is None:
        (folder / MANIFEST).write_text(_manifest(tables, stamp).text() + "\n")
    whose = {} if merchant_id is None else {"merchant": gln_text(merchant_id)}
    listed = {name: table.document() for name, table in tables.items()}
    document = {"exported_at": stamp, **whose, "tables": listed}
    (folder / CONTENTS).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return document


def _manifest(tables: Mapping[str, Table], stamp: str) -> Manifest:
    files = tuple(
        FileEntry(kind, tables[kind].path.name, tables[kind].count, dict(tables[kind].points))
        for kind in _IMPORTABLE
        if tables[kind].count or kind == "members"
    )
    return Manifest(f"export {stamp}", "alliance", files)


def _member_columns(consents: Sequence[str]) -> tuple[str, ...]:
    return ("external_id", "name", "phone", "email", "language", *(CONSENT + name for name in consents))


def _consents(conn: Connection) -> tuple[str, ...]:
    found = conn.execute(select(member_preference.c.consents).distinct()).scalars()
    return tuple(sorted({name for listed in found for name in listed.split(",") if name}))


def _book(told: Export) -> Iterator[str]:
    last = int(told.conn.execute(text("SELECT COALESCE(MAX(sequence), 0) FROM entry")).scalar_one())
    own = {n for n, p in told.programmes.items() if told.merchant in (None, p.merchant_id)}
    for after in range(0, last, PAGE):
        span = {"after": after, "upto": after + PAGE}
        if "entries" in told.tables:
            told.tables["entries"].add(_entries(told.conn, span))
        postings = [row for row in told.conn.execute(_POSTINGS, span) if row.programme_id in own]
        told.tables["postings"].add([_posting(told, row) for row in postings])
        told.tables["history"].add(_bookings(told, postings))
        yield "postings"


def _entries(conn: Connection, span: Mapping[str, int]) -> list[Cells]:
    return [
        (str(n), bytes(op_id).hex(), kind, _moment(at), _moment(recorded), body, bytes(digest).hex())
        for n, op_id, kind, at, recorded, body, digest in conn.execute(_ENTRIES, span)
    ]


def _posting(told: Export, row: Any) -> Cells:
    cells = [str(value) for value in row[:7]]
    cells[4] = told.programmes[row.programme_id].code
    return tuple(cells)


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
    query = told.of_whom(select(h.member_id, h.row_key, *what, member.c.member_number), imported_history)
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
    own = told.of_whom(query, table)
    joined = own.outerjoin(member, member.c.member_id == table.c.member_id).order_by(key).limit(PAGE)
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
