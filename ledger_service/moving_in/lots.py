"""Balances as dated lots: a promise of the issuer under its cap, pending until the cut-over (ADR 4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, select

from ledger_service.db.bulk import Row as StoredRow
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.ledger.mass import (
    MOVED_IN,
    LotKey,
    MassEntry,
    open_system_accounts,
    shift_lots,
    write_entries,
)
from ledger_service.ledger.rules import (
    Part,
    PostingRow,
    SystemKind,
    body_text,
    ledger_base_of,
    system_account,
)
from ledger_service.members.identities import IdentityVault
from ledger_service.members.models import member
from ledger_service.moving_in.errors import ImportCapTooLow
from ledger_service.moving_in.judging import (
    Accepted,
    MembersMoved,
    Memory,
    Moment,
    Settled,
    owners_by_external,
)
from ledger_service.moving_in.models import moved_lot
from ledger_service.moving_in.people import UNKNOWN_MEMBER
from ledger_service.moving_in.rules import Frame, LotRow, Row, RowRefused, parse_lot
from ledger_service.points.budget import draw_at_once

_MOVED = ("member_id", "row_key", "import_id", "programme_id", "epoch", "points")
_TWICE = RowRefused("lot_id", "lot-twice", "this lot came before; lots of one day are told apart by lot_id")


class Lots:
    """lots.csv."""

    size = 3_000
    counts_points = True

    def __init__(self, vault: IdentityVault) -> None:
        """Take what finds members by their external ids."""
        self._vault = vault

    def parse(self, row: Row, frame: Frame) -> LotRow:
        """The lot of a row."""
        return parse_lot(row, frame)

    def settle(self, conn: Connection, rows: Sequence[tuple[int, LotRow]], memory: Memory) -> Settled:
        """Lots of known members that were not counted before, in this file or in another."""
        known = owners_by_external(conn, self._vault, [row.external for _, row in rows], memory)
        counted = _counted(conn, [(known.get(row.external.value), row.key) for _, row in rows])
        settled = Settled()
        seen, accepted = memory.seen, settled.accepted
        for line, row in rows:
            external, key = row.external.value, row.key
            if external not in known:
                settled.refuse(line, UNKNOWN_MEMBER)
            elif key in counted or key in seen:
                settled.refuse(line, _TWICE)
            else:
                seen.add(key)
                accepted.append(Accepted(line, row, known[external]))
        return settled

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> Sequence[Accepted]:
        """Nothing."""
        return accepted

    def write(self, conn: Connection, prepared: Sequence[Accepted], moment: Moment) -> None:
        """The lots stand as pending points, promised under the issuers' caps.

        Raises:
            ImportCapTooLow: a cap has no room for them.
            MembersMoved: a member was erased meanwhile.

        Locks: the members, the budgets, the head row.
        """
        if not prepared:
            return
        members = {one.member_id for one in prepared if one.member_id is not None}
        known = lock_members(conn, members)
        if any(one.member_id not in known for one in prepared):
            raise MembersMoved
        _promise(conn, prepared, moment)
        rows = sorted(
            (member_id, row.key, moment.import_id, row.programme_id, row.epoch, row.points)
            for _, row, member_id in prepared
        )
        sql_of(moved_lot, conn).insert_cells(conn, _MOVED, rows)


def _counted(conn: Connection, keys: Sequence[tuple[int | None, bytes]]) -> set[bytes]:
    """The row keys that stand as moved lots already."""
    ids = {member_id for member_id, _ in keys if member_id is not None}
    if not ids:
        return set()
    # Nearly nobody has a lot yet, so one look a member spares one a row.
    any_lot = exists().where(moved_lot.c.member_id == member.c.member_id)
    query = select(member.c.member_id).where(member.c.member_id.in_(sorted(ids)), any_lot)
    have = {row[0] for row in conn.execute(query)}
    wanted = list({key for key in keys if key[0] in have})
    found = sql_of(moved_lot, conn).select(conn, ("member_id", "row_key"), wanted) if wanted else []
    return {row["row_key"] for row in found}


def _promise(conn: Connection, prepared: Sequence[Accepted], moment: Moment) -> None:
    sums: dict[LotKey, int] = {}
    first: dict[int, bytes] = {}
    for _, row, found in prepared:
        member_id = found or 0
        key = (member_id, row.programme_id, row.epoch)
        sums[key] = sums.get(key, 0) + row.points
        first.setdefault(member_id, row.key)
    draw_on_caps(conn, sums, moment)
    open_system_accounts(conn, {system_account(SystemKind.PROMISE, programme) for _, programme, _ in sums})
    shift_lots(conn, {key: {Part.PENDING: points} for key, points in sums.items()})
    body = body_of(moment)
    entries = [
        MassEntry(
            derive_id(MOVED_IN, moment.import_id, first[member_id]), MOVED_IN, moment.at,
            body, tuple([promised(member_id, key, points) for key, points in lots]),
        )
        for member_id, lots in by_member(sums)
    ]  # fmt: skip
    write_entries(conn, entries, moment.at)


def lock_members(conn: Connection, member_ids: Iterable[int]) -> dict[int, StoredRow]:
    """The members' rows by id, locked; erased ones are left out."""
    rows = sql_of(member, conn).lock(conn, {("member_id",): [(m,) for m in sorted(set(member_ids))]})
    return {row["member_id"]: row for row in rows if row["status"] != "erased"}


def draw_on_caps(conn: Connection, sums: Mapping[LotKey, int], moment: Moment) -> None:
    """The caps have given so many points, or got them back where they are negative.

    Raises:
        ImportCapTooLow: one of them has no room; the caller's db transaction must not be committed.
    """
    needs: Counter[int] = Counter()
    for (_, programme_id, _), points in sums.items():
        needs[programme_id] += points
    for programme_id in sorted(needs):
        programme, needed = moment.programmes[programme_id], needs[programme_id]
        room = draw_at_once(conn, programme, needed, seconds_floor(moment.at))
        if room is not None:
            raise ImportCapTooLow(programme.code, room, needed)


def by_member(sums: Mapping[LotKey, int]) -> list[tuple[int, list[tuple[LotKey, int]]]]:
    """The lots of each member, ascending."""
    found: defaultdict[int, list[tuple[LotKey, int]]] = defaultdict(list)
    for key in sorted(sums):
        found[key[0]].append((key, sums[key]))
    return list(found.items())


def promised(member_id: int, key: LotKey, points: int) -> PostingRow:
    """The posting that promises a member its points."""
    promise = system_account(SystemKind.PROMISE, key[1]).account_id
    return PostingRow(promise, own_account(member_id, Part.PENDING), key[1], key[2], points)


def own_account(member_id: int, part: Part) -> int:
    """The number of a member's account."""
    return ledger_base_of(member_id) + part


def body_of(moment: Moment) -> str:
    """What every entry of an import says: which one."""
    return body_text({"import": id_text(moment.import_id)})
