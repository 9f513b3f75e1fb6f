"""Members and their cards: enrolled as everybody is, device members without a device until they bring one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ledger_service.db.bulk import sql_of
from ledger_service.members.enrolment import EnrolmentDesk, PreparedMember, Register
from ledger_service.members.errors import IdentityTaken
from ledger_service.members.identities import IdentityVault
from ledger_service.members.models import member_card, member_preference
from ledger_service.members.quiet.service import NO_WISH
from ledger_service.moving_in.judging import (
    Accepted,
    MembersMoved,
    Memory,
    Moment,
    Settled,
    owners_by_external,
    owners_of,
)
from ledger_service.moving_in.models import moved_member
from ledger_service.moving_in.rules import (
    CardRow,
    Frame,
    MemberRow,
    Row,
    RowRefused,
    parse_card,
    parse_member,
)


class _Hashed(NamedTuple):
    """A member's row with the hashes of its identities, which cost too much to ask for twice."""

    member: MemberRow
    hashes: list[bytes]


class Members:
    """members.csv."""

    size = 1_000
    counts_points = False

    def __init__(self, desk: EnrolmentDesk, register: Register) -> None:
        """Take what enrols."""
        self._desk, self._register = desk, register

    def parse(self, row: Row, frame: Frame) -> MemberRow:
        """The member of a row."""
        return parse_member(row, frame)

    def settle(self, conn: Connection, rows: Sequence[tuple[int, MemberRow]], memory: Memory) -> Settled:
        """Rows of whose identities nobody has one."""
        hash_of = self._desk.vault.hash_of
        hashed = [(line, row, [(i.kind, hash_of(i)) for i in row.enrol.identities]) for line, row in rows]
        taken = owners_of(conn, list({key for _, _, some in hashed for key in some}))
        settled = Settled()
        for line, row, some in hashed:
            double = [k for k, value_hash in some if value_hash in taken or value_hash in memory.seen]
            if double:
                name = double[0] if double[0] in ("phone", "email") else "external_id"
                reason = "another member has it, here or in a row above"
                settled.refuse(line, RowRefused(name, "identity-taken", reason))
                continue
            memory.seen.update(value_hash for _, value_hash in some)
            memory.people.add(some[0][1])
            hashes = [value_hash for _, value_hash in some]
            settled.accepted.append(Accepted(line, _Hashed(row, hashes), None))
        return settled

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> list[tuple[MemberRow, PreparedMember]]:
        """Salts, accounts and sealed identities."""
        rows: list[MemberRow] = [one.row.member for one in accepted]
        hashes = [one.row.hashes for one in accepted]
        prepared = self._desk.prepare([row.enrol for row in rows], at, hashes) if rows else []
        return list(zip(rows, prepared, strict=True))

    def write(
        self, conn: Connection, prepared: Sequence[tuple[MemberRow, PreparedMember]], moment: Moment
    ) -> None:
        """The members are enrolled."""
        if not prepared:
            return
        try:
            enrolled = self._register.enrol(conn, [new for _, new in prepared], moment.at)
        except IdentityTaken as race:
            raise MembersMoved from race
        rows = [(moment.import_id, one.member_id) for one in enrolled]
        sql_of(moved_member, conn).insert_cells(conn, ("import_id", "member_id"), rows)
        none = tuple(NO_WISH.values())
        wishes = [
            (one.member_id, row.language, ",".join(row.consents), *none)
            for (row, _), one in zip(prepared, enrolled, strict=True)
            if row.language or row.consents
        ]
        if wishes:
            names = ("member_id", "language", "consents", *NO_WISH)
            sql_of(member_preference, conn).insert_cells(conn, names, wishes)


class Cards:
    """cards.csv."""

    size = 2_000
    counts_points = False

    def __init__(self, desk: EnrolmentDesk) -> None:
        """Take the vault that seals, and its randomness."""
        self._vault: IdentityVault = desk.vault
        self._ids = desk.ids

    def parse(self, row: Row, frame: Frame) -> CardRow:
        """The card of a row."""
        return parse_card(row, frame)

    def settle(self, conn: Connection, rows: Sequence[tuple[int, CardRow]], memory: Memory) -> Settled:
        """Cards of known members that nobody has yet."""
        known = owners_by_external(conn, self._vault, [row.external for _, row in rows], memory)
        hashes = [self._vault.hash_of(row.card) for _, row in rows]
        found = sql_of(member_card, conn).select(conn, ("number_hash",), [(h,) for h in set(hashes)])
        taken = {row["number_hash"] for row in found}
        settled = Settled()
        for (line, row), number_hash in zip(rows, hashes, strict=True):
            if row.external.value not in known:
                settled.refuse(line, UNKNOWN_MEMBER)
            elif number_hash in taken or number_hash in memory.seen:
                reason = "a member has it, here or in a row above"
                settled.refuse(line, RowRefused("card_number", "card-taken", reason))
            else:
                memory.seen.add(number_hash)
                settled.accepted.append(Accepted(line, row, known[row.external.value]))
        return settled

    def prepare(self, accepted: Sequence[Accepted], at: datetime) -> list[dict[str, Any]]:
        """Hashed and sealed numbers."""
        rows = []
        for one in accepted:
            sealed = self._vault.seal(one.row.card, self._ids.random_bytes(12))
            names = {"number_hash": self._vault.hash_of(one.row.card), "number_sealed": sealed}
            ended = {"ended_at": None, "ended_by": None, "reason": None}
            rows.append({"member_id": one.member_id, "created_at": at, **names, **ended})
        return rows

    def write(self, conn: Connection, prepared: Sequence[dict[str, Any]], moment: Moment) -> None:
        """The cards belong to their members."""
        if prepared:
            sql_of(member_card, conn).insert(conn, sorted(prepared, key=lambda row: row["number_hash"]))


UNKNOWN_MEMBER = RowRefused("external_id", "member-unknown", "no member of this source has it")
