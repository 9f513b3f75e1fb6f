"""Cases, from what one operator found to the member's switch; each step in the caller's unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select, update

from ledger_service.care import queries, rules
from ledger_service.care.errors import CaseClosed, CaseUnderWay, CaseUnknown, MergeWithSelf, MovesExhausted
from ledger_service.care.merging import Following, merge_members, must_wait
from ledger_service.care.models import care_case, care_event
from ledger_service.care.requests import OpenCase, OpenMerge, Said, Successor
from ledger_service.care.telling import write_notices
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.operations import MoveReason
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.members import rules as member_rules
from ledger_service.members.accounts import Change, change_account, moves_so_far
from ledger_service.members.device_rows import FreshDevice
from ledger_service.members.devices import devices_of, lock_member, lock_member_by_id
from ledger_service.members.merging import Merge
from ledger_service.members.passkeys.desk import end_all as end_passkeys
from ledger_service.members.ports import MemberKeys
from ledger_service.members.requests import CUSTODY_CUSTODIAL, CUSTODY_DEVICE
from ledger_service.outbox.service import NewIntent, enqueue_now
from ledger_service.points.errors import SecondPersonNeeded

CHAIN = "recovery desk"


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """Commands on cases."""

    keys: MemberKeys
    one_time_master: bytes
    following: Following

    def open(self, conn: Connection, case_id: bytes, request: OpenCase, to: Successor, said: Said) -> None:
        """The case waits for a second person.

        Raises:
            MemberUnknown: no such member. CaseUnderWay: it has a case already.
            SignerKnown: the new key is one that the member had. MovesExhausted: 32 moves lead here.

        Locks: the member's row. Idempotency: by ``case_id``.
        """
        owner = lock_member(conn, request.member_number, frozen_too=True)
        member_id = owner["member_id"]
        _check_none_under_way(conn, (member_id,))
        member_rules.check_unknown_signer(devices_of(conn, member_id), to.signer)
        if moves_so_far(conn, member_id) >= rules.MOST_MOVES:
            raise MovesExhausted(rules.MOST_MOVES)
        row = {
            "case_id": case_id, "kind": request.kind, "member_id": member_id, "account": owner["account"],
            "successor": to.account, "salt": to.salt, "signer": to.signer, "flags": to.flags,
            "label": to.label, "evidence": request.evidence, "state": "open", "opened_by": said.by,
            "approved_by": None, "number": None, "ripe_at": None, "stays_id": None,
        }  # fmt: skip
        sql_of(care_case, conn).insert(conn, [row])
        _note(conn, case_id, "opened", said)

    def open_merge(self, conn: Connection, case_id: bytes, request: OpenMerge, said: Said) -> None:
        """The merge waits for a second person.

        Raises:
            MemberUnknown, MemberFrozen: no such member; who stays must be active.
            MergeWithSelf: both are the same member. CaseUnderWay: one of them has a case already.
            MovesExhausted: 32 moves lead to the account that closes.

        Locks: both members' rows, by their numbers. Idempotency: by ``case_id``.
        """
        if request.member_number == request.into:
            raise MergeWithSelf
        rows = {
            number: lock_member(conn, number, frozen_too=number == request.member_number)
            for number in sorted((request.member_number, request.into))
        }
        closes, stays = rows[request.member_number], rows[request.into]
        _check_none_under_way(conn, (closes["member_id"], stays["member_id"]))
        if moves_so_far(conn, closes["member_id"]) >= rules.MOST_MOVES:
            raise MovesExhausted(rules.MOST_MOVES)
        row = {
            "case_id": case_id, "kind": rules.MERGE, "member_id": closes["member_id"],
            "account": closes["account"], "successor": stays["account"], "salt": None, "signer": bytes(20),
            "flags": 0, "label": None, "evidence": request.evidence, "state": "open", "opened_by": said.by,
            "approved_by": None, "number": None, "ripe_at": None, "stays_id": stays["member_id"],
        }  # fmt: skip
        sql_of(care_case, conn).insert(conn, [row])
        _note(conn, case_id, "opened", said)

    def approve(self, conn: Connection, case_id: bytes, said: Said) -> None:
        """The case goes to the recovery desk, where its notice begins.

        Raises:
            CaseUnknown, CaseClosed: nothing waits for approval.
            SecondPersonNeeded: who opened it approves it.
        """
        row = _locked(conn, case_id)
        if row["state"] != "open":
            raise CaseClosed(row["state"])
        if row["opened_by"] == said.by:
            raise SecondPersonNeeded
        _change(conn, case_id, state="approved", approved_by=said.by)
        _note(conn, case_id, "approved", said)

    def object(self, conn: Connection, case_id: bytes, said: Said) -> None:
        """The case will not be carried out; the recovery desk is told.

        Raises:
            CaseUnknown: no such case. CaseClosed: it is decided, or its notice has ended.
        """
        row = _locked(conn, case_id)
        over = row["ripe_at"] is not None and said.at >= row["ripe_at"]
        if row["state"] not in ("open", "approved", "notice") or over:
            raise CaseClosed(row["state"])
        # What the desk has never heard of needs no word to it.
        _change(conn, case_id, state="stopped" if row["state"] == "open" else "objected")
        _note(conn, case_id, "objected", said)

    def announced(
        self, conn: Connection, case_id: bytes, number: int, ripe_at: datetime, at: datetime
    ) -> None:
        """The desk has the case; its notice ends at ``ripe_at``, as whose account it is will be told.

        An objection meanwhile stands.
        """
        row = _locked(conn, case_id)
        state = "notice" if row["state"] == "approved" else row["state"]
        _change(conn, case_id, state=state, number=number, ripe_at=ripe_at)
        _note(conn, case_id, "announced", Said(CHAIN, at))
        whose = {row["member_id"], row["stays_id"]} - {None}
        write_notices(conn, case_id, whose, ripe_at, at)

    def stopped(self, conn: Connection, case_id: bytes, at: datetime) -> None:
        """The desk will not let it happen: it was told of an objection, heard of one, or refuses it."""
        if _locked(conn, case_id)["state"] in rules.UNDER_WAY:
            _change(conn, case_id, state="stopped", salt=None)
            _note(conn, case_id, "stopped", Said(CHAIN, at))

    def carry_out(self, conn: Connection, case_id: bytes, at: datetime) -> bool:
        """The member is at its new account with everything it had; its old keys are worthless, passkeys and
        API keys too.

        A case that waited so long that the desk may refuse it is stopped, as one that was overtaken.

        Returns:
            False where it must wait: a sale is under way, or the chain refused something of the member.

        Idempotency: a case is carried out once. Locks: the case, the member; the head row last.
        """
        row = _locked(conn, case_id)
        if row["kind"] == rules.MERGE:
            return self._carry_out_merge(conn, row, at)
        owner = lock_member_by_id(conn, row["member_id"])
        overtaken = row["state"] != "notice" or owner is None or owner["account"] != row["account"]
        if owner is None or overtaken or rules.has_lapsed(row["ripe_at"], at):
            self.stopped(conn, case_id, at)
            return True
        member_id = owner["member_id"]
        if queries.has_open_holds(conn, member_id) or queries.is_unsettled(conn, member_id):
            return False
        _, enrols = change_account(conn, owner, self._change_of(conn, row, at), self.one_time_master, at)
        # Passkeys live on what was lost; sessions end with the keys that they run under.
        end_passkeys(conn, member_id)
        self.keys.forget_member(conn, member_id, at)
        _change(conn, case_id, state="executed", salt=None)
        _note(conn, case_id, "executed", Said(CHAIN, at))
        leave = rules.Leave(MoveReason.RECOVERY, seconds_floor(at))
        moves = rules.moves_of(row["account"], row["successor"], queries.lots_of(conn, member_id), leave)
        enqueue_now(conn, [*enrols, *(NewIntent(move, member_id) for move in moves)], at)
        return True

    def _carry_out_merge(self, conn: Connection, row: RowMapping, at: datetime) -> bool:
        ids = row["member_id"], row["stays_id"]
        rows = {one: lock_member_by_id(conn, one) for one in sorted(ids)}
        closes, stays = (rows[one] for one in ids)
        overtaken = (
            row["state"] != "notice"
            or closes is None
            or stays is None
            or (closes["account"], stays["account"]) != (row["account"], row["successor"])
        )
        if closes is None or stays is None or overtaken or rules.has_lapsed(row["ripe_at"], at):
            self.stopped(conn, row["case_id"], at)
            return True
        if must_wait(conn, self.following, *ids):
            return False
        self.keys.forget_member(conn, row["member_id"], at)
        _change(conn, row["case_id"], state="executed")
        _note(conn, row["case_id"], "executed", Said(CHAIN, at))
        merge_members(conn, Merge(*ids, at), (closes, stays), self.following)
        return True

    def _change_of(self, conn: Connection, row: RowMapping, at: datetime) -> Change:
        lane = member_rules.next_lane(devices_of(conn, row["member_id"]))
        since = member_rules.active_from(at, first=True, granted=False)
        signer = FreshDevice(lane, row["signer"], row["flags"], since, row["label"])
        custody = CUSTODY_CUSTODIAL if row["flags"] & FLAG_CUSTODIAL else CUSTODY_DEVICE
        return Change(row["successor"], row["salt"], signer, custody, "recovery", True)


def forget_member(conn: Connection, member_id: int) -> None:
    """No case says what the erased member called its device; that accounts moved, and who agreed, stays."""
    conn.execute(update(care_case).where(care_case.c.member_id == member_id).values(label=None))


def _check_none_under_way(conn: Connection, member_ids: tuple[int, ...]) -> None:
    c = care_case.c
    mine = (c.member_id.in_(member_ids) | c.stays_id.in_(member_ids)) & c.state.in_(rules.UNDER_WAY)
    if conn.execute(select(c.case_id).where(mine).limit(1)).first() is not None:
        raise CaseUnderWay


def _locked(conn: Connection, case_id: bytes) -> RowMapping:
    query = select(care_case).where(care_case.c.case_id == case_id).with_for_update()
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        raise CaseUnknown
    return row


def _change(conn: Connection, case_id: bytes, **values: object) -> None:
    conn.execute(update(care_case).where(care_case.c.case_id == case_id).values(**values))


def _note(conn: Connection, case_id: bytes, kind: str, said: Said) -> None:
    mine = care_event.c.case_id == case_id
    position = conn.execute(select(func.count()).select_from(care_event).where(mine)).scalar_one()
    row = {"case_id": case_id, "position": position, "kind": kind, "by_whom": said.by, "at": said.at}
    sql_of(care_event, conn).insert(conn, [row])
