"""Making the codes of a list from its seed, piece by piece; cut off anywhere, it goes on to the same result.

The seed is drawn when the list begins and kept sealed; each piece and the count of what is there are written
together. When all codes are there, the root over them is written and announced, and only then may the list
leave the house.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ledger_service.coupons.codes.errors import CodeListDiffers, CodeListUnknown, CodePatternRefused
from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import (
    GENERIC,
    MAKING,
    SEALED,
    Drawing,
    Pattern,
    Tagger,
    leaf_of,
    normal_code,
    parse_pattern,
    parse_word,
)
from ledger_service.coupons.codes.seeds import SeedSafe
from ledger_service.coupons.telling.parts import keep_parts, parts_of_leaves
from ledger_service.coupons.telling.types import has_contract, register, type_for
from ledger_service.db.bulk import sql_of
from ledger_service.db.engine import Database
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.merkle import root_of

# Small enough that no sale behind one waits for long, as every piece holds SQLite's one write lock.
PIECE = 2_000
_READ = 50_000
_C = coupon_code_list.c
Note = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class NewList:
    """A list to begin. ``pattern`` is None for one that is imported; ``most`` is for generic codes alone."""

    name: str
    merchant_id: int
    definition_id: int
    gcn: int
    kind: str
    size: int
    pattern: str | None = None
    source: str | None = None
    most: int | None = None


@dataclass(frozen=True)
class ListDesk:
    """Makes lists."""

    database: Database
    tagger: Tagger
    safe: SeedSafe
    ids: IdSource

    def begin(self, new: NewList, at: datetime) -> RowMapping:
        """The list stands, still without codes; one of the same name and properties is gone on with.

        Raises:
            CodeListDiffers: a list of the name has other properties.
            CodePatternRefused: as ``parse_pattern``; overlaps.
        """
        if new.kind == GENERIC:
            parse_word(new.pattern or "")
        elif new.pattern is not None:
            parse_pattern(new.pattern, new.size)
        with self.database.begin() as conn:
            _lock_lists(conn)
            new = _numbered(conn, new)
            known = find_list(conn, new.name)
            if known is None:
                _check_overlaps(conn, new)
                conn.execute(insert(coupon_code_list).values(self._row(new, at)))
                known = find_list(conn, new.name)
        if known is None or not _same(known, new):
            raise CodeListDiffers(new.name)
        return known

    def generate(self, name: str, at: datetime, note: Note) -> RowMapping:
        """Every code of the list is there and its root is announced; what was there stays.

        Raises:
            CodeListUnknown: no such list.
            CodePatternRefused: overlaps; a code of another list came up.
        """
        while True:
            with self.database.begin() as conn:
                listed = the_list(conn, name, lock=True)
                made = listed["made"]
                if listed["state"] == MAKING and made < listed["size"]:
                    made = self._piece(conn, listed)
            if listed["state"] == SEALED:
                return listed
            note(name, made, listed["size"])
            if made == listed["size"]:
                self.seal(name, at)

    def seal(self, name: str, at: datetime) -> None:
        """The list takes no more codes, has its serials, and its root is announced; its codes can be used.

        The root is made outside the unit of work, which nobody should wait for; where another list of the
        type took the serials meanwhile, it is made again.
        """
        while not self._sealed(name, at):
            pass

    def _sealed(self, name: str, at: datetime) -> bool:
        with self.database.snapshot() as conn:
            listed = the_list(conn, name)
            first = next_serial(conn, listed["gcn"])
            parts = parts_of_leaves(leaves_of(conn, listed, first))
        with self.database.begin() as conn:
            _lock_lists(conn)
            listed = the_list(conn, name)
            if listed["state"] == SEALED:
                return True
            if next_serial(conn, listed["gcn"]) != first:
                return False
            values = {"state": SEALED, "root": root_of(parts), "first": first, "size": listed["made"]}
            mine = _C.list_id == listed["list_id"]
            conn.execute(update(coupon_code_list).where(mine).values(**values, sealed_at=at))
            keep_parts(conn, listed["list_id"], parts)
            register(conn, listed["definition_id"], at)
            return True

    def codes(self, listed: RowMapping) -> Iterator[str]:
        """The codes of a generated list as they are printed, by position."""
        if listed["kind"] == GENERIC:
            yield str(listed["pattern"])
            return
        pattern, drawing = self._drawing(listed)
        for position in range(listed["size"]):
            yield pattern.code(drawing.at(position))

    def _piece(self, conn: Connection, listed: RowMapping) -> int:
        begin: int = listed["made"]
        end = min(begin + PIECE, int(listed["size"]))
        closed, list_id = listed["closed"], listed["list_id"]
        rows = [
            {"tag": self.tagger.tag(code, closed=closed), "list_id": list_id, "position": position,
             "member_id": None}
            for position, code in self._normal(listed, begin, end)
        ]  # fmt: skip
        try:
            sql_of(coupon_code, conn).insert(conn, rows)
        except IntegrityError:
            raise CodePatternRefused("overlaps") from None
        conn.execute(update(coupon_code_list).where(_C.list_id == listed["list_id"]).values(made=end))
        return end

    def _normal(self, listed: RowMapping, begin: int, end: int) -> Iterator[tuple[int, str]]:
        if listed["kind"] == GENERIC:
            yield 0, normal_code(listed["pattern"]) or ""
            return
        pattern, drawing = self._drawing(listed)
        # Blanks and hyphens are only in the pattern's own text.
        bare = Pattern(pattern.text.replace("-", ""))
        for position in range(begin, end):
            yield position, bare.code(drawing.at(position))

    def _drawing(self, listed: RowMapping) -> tuple[Pattern, Drawing]:
        pattern = Pattern(listed["pattern"])
        return pattern, Drawing(self.safe.open(listed["seed"], listed["name"]), pattern.random)

    def _row(self, new: NewList, at: datetime) -> dict[str, Any]:
        generated = new.pattern is not None
        seed = self.ids.random_bytes(32) if generated and new.kind != GENERIC else None
        return {
            "name": new.name, "merchant_id": new.merchant_id, "definition_id": new.definition_id,
            "gcn": new.gcn, "kind": new.kind,
            "origin": "generated" if generated else "imported", "pattern": new.pattern,
            "closed": new.kind == GENERIC or new.pattern is None or Pattern(new.pattern).closed,
            "seed": None if seed is None else self.safe.close(seed, new.name), "source": new.source,
            "size": new.size, "most": new.most, "state": MAKING, "begun_at": at,
        }  # fmt: skip


def find_list(conn: Connection, name: str) -> RowMapping | None:
    """The list of a name."""
    return conn.execute(select(coupon_code_list).where(_C.name == name)).mappings().one_or_none()


def the_list(conn: Connection, name: str, *, lock: bool = False) -> RowMapping:
    """The list of a name, locked for the unit of work if asked.

    Raises:
        CodeListUnknown: no such list.
    """
    wanted = select(coupon_code_list).where(_C.name == name)
    row = conn.execute(wanted.with_for_update() if lock else wanted).mappings().one_or_none()
    if row is None:
        raise CodeListUnknown(name)
    return row


def tags_of(conn: Connection, list_id: int) -> Iterator[bytes]:
    """The tags of a list by position, read in pieces."""
    c, last = coupon_code.c, -1
    while True:
        behind = (c.list_id == list_id) & (c.position > last)
        rows = conn.execute(select(c.position, c.tag).where(behind).order_by(c.position).limit(_READ)).all()
        if not rows:
            return
        last = rows[-1].position
        yield from (row.tag for row in rows)


def leaves_of(conn: Connection, listed: RowMapping, first: int) -> list[bytes]:
    """The leaves of a list by position, as its serials begin with ``first``."""
    gcn, tags = listed["gcn"], enumerate(tags_of(conn, listed["list_id"]), first)
    return [leaf_of(gcn, serial, tag) for serial, tag in tags]


def next_serial(conn: Connection, gcn: int) -> int:
    """The serial behind those of the lists of a type that are sealed."""
    last = select(func.max(_C.first + _C.size)).where(_C.gcn == gcn, _C.state == SEALED)
    return int(conn.execute(last).scalar_one() or 0)


def _numbered(conn: Connection, new: NewList) -> NewList:
    """Its codes have the GCN that the chain will know; a generic code's coupons have no serials there."""
    if new.kind == GENERIC or not has_contract(conn):
        return new
    row = type_for(conn, new.definition_id, open_type=False)
    return new if row is None else replace(new, gcn=row["gcn"])


def _lock_lists(conn: Connection) -> None:
    # Names, serials and overlaps are judged over all lists: two begin one behind the other.
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("LOCK TABLE coupon_code_list IN SHARE ROW EXCLUSIVE MODE")


def _check_overlaps(conn: Connection, new: NewList) -> None:
    if new.pattern is None:
        return
    mine = Pattern(new.pattern)
    for text in conn.execute(select(_C.pattern).where(_C.pattern.is_not(None))).scalars():
        other = Pattern(text)
        if (mine.closed or other.closed) and mine.meets(other):
            raise CodePatternRefused("overlaps")


def _same(known: RowMapping, new: NewList) -> bool:
    sized = known["size"] == new.size or new.pattern is None
    given = (new.merchant_id, new.definition_id, new.gcn, new.kind, new.pattern, new.most)
    names = ("merchant_id", "definition_id", "gcn", "kind", "pattern", "most")
    return sized and tuple(known[name] for name in names) == given
