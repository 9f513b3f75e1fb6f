"""The care room for front doors and jobs: rotation, and the successor of a case.

Methods that take a ``conn`` run in the caller's unit of work and never commit; the one that does not is to be
called before it, since it may ask the signing process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from ledger_service.care import queries, rules
from ledger_service.care.cases import CaseDesk
from ledger_service.care.errors import (
    AccountKnown,
    AccountUnsettled,
    HoldsOpen,
    MovesExhausted,
    MovesUnavailable,
)
from ledger_service.care.requests import Moved, OpenCase, Rotate, Successor
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.ids import IdSource
from ledger_service.kernel.operations import MoveReason
from ledger_service.kernel.permits import FLAG_CUSTODIAL, MovePermit, SignerGrant
from ledger_service.kernel.text import clean_text
from ledger_service.members import rules as member_rules
from ledger_service.members.accounts import Change, change_account, is_known, moves_so_far
from ledger_service.members.device_rows import FreshDevice
from ledger_service.members.devices import devices_of, lock_member
from ledger_service.members.ports import CustodialKeys
from ledger_service.members.requests import CUSTODY_DEVICE, NewDevice
from ledger_service.members.rules import Device
from ledger_service.outbox.service import NewIntent, enqueue_now

_LONGEST_LABEL = 64


@dataclass(frozen=True)
class CareService:
    """Commands of the care room; ``recovery`` is the recovery desk's domain, None on old contracts.

    ``is_promised`` says whether the chain has promised points to the member's account that are still to come.
    """

    domain: Domain
    recovery: Domain | None
    one_time_master: bytes
    ids: IdSource
    custody: CustodialKeys
    cases: CaseDesk
    is_promised: Callable[[Connection, int], bool] = lambda conn, member_id: False

    def successor(self, request: OpenCase, at: datetime) -> Successor:
        """The account for a case, made from a fresh salt, with its one signer; nothing is written.

        Raises:
            MovesUnavailable: the contracts cannot move accounts.
            DeviceProofInvalid: the new key does not prove itself.
            SignerUnavailable: a custodial account is asked for and custody does not answer.
        """
        self.check_moves()
        salt = self.ids.random_bytes(32)
        account = member_rules.account_of(salt)
        new = request.device
        if new is None:
            signer = self.custody.custodial_addresses([account])[0]
            return Successor(account, salt, signer, FLAG_CUSTODIAL, None)
        grant = SignerGrant(member_rules.NO_ACCOUNT, new.signer, 0, new.valid_until)
        member_rules.check_proof(self.domain, grant, new.proof, at)
        return Successor(account, salt, new.signer, 0, _label(new))

    def check_moves(self) -> None:
        """The contracts can move accounts.

        Raises:
            MovesUnavailable: they cannot.
        """
        if self.recovery is None:
            raise MovesUnavailable

    def rotate(self, conn: Connection, request: Rotate, at: datetime) -> Moved:
        """The member is at another account, with one new device and everything it had.

        An account that no points ever came to or left gives way silently: the chain links the two nowhere.
        Any other one moves in public, since refunds of its sales must find the member (ADR 13), and so does
        one that a reward is promised to, which the chain issues to it or its successor alone.

        Raises:
            MovesUnavailable: the contracts cannot move accounts.
            MemberUnknown, MemberFrozen: nobody who may change its account.
            DeviceProofInvalid, SignerKnown: the new key does not prove itself, or is an old one.
            MovePermitInvalid: no active device of the member wills this.
            HoldsOpen: a sale is under way. AccountUnsettled: ledger and chain differ for the member.
            MovesExhausted: 32 moves lead to the present account.
            AccountKnown: the salt leads to an account that is or was a member's.

        Locks: the member's row; the head row last. Invariants: INV-9.
        """
        self.check_moves()
        owner = lock_member(conn, request.member_number)
        devices = devices_of(conn, owner["member_id"])
        successor = member_rules.account_of(request.salt)
        signer = self._checked(owner, devices, request, at)
        if is_known(conn, successor):
            raise AccountKnown("0x" + successor.hex())
        lots, linked = self._what_goes_along(conn, owner["member_id"])
        change = Change(successor, request.salt, signer, CUSTODY_DEVICE, "rotation", linked)
        view, enrols = change_account(conn, owner, change, self.one_time_master, at)
        new = request.device
        leave = rules.Leave(
            MoveReason.ROTATION, seconds_floor(at), new.valid_until, new.signer, request.authorisation
        )
        moves = rules.moves_of(owner["account"], successor, lots, leave) if linked else ()
        intents = [*enrols, *(NewIntent(move, owner["member_id"]) for move in moves)]
        enqueue_now(conn, intents, at)
        return Moved(successor, owner["account"], linked, view)

    def _checked(
        self, owner: RowMapping, devices: list[Device], request: Rotate, at: datetime
    ) -> FreshDevice:
        new, account = request.device, member_rules.account_of(request.salt)
        grant = SignerGrant(account, new.signer, 0, new.valid_until)
        member_rules.check_proof(self.domain, grant, new.proof, at)
        member_rules.check_unknown_signer(devices, new.signer)
        permit = MovePermit(owner["account"], account, new.signer, new.valid_until)
        rules.check_move_permit(self.domain, permit, request.authorisation, devices, at)
        return _first_signer(devices, new, at)

    def _what_goes_along(self, conn: Connection, member_id: int) -> tuple[list[tuple[int, int]], bool]:
        if queries.has_open_holds(conn, member_id):
            raise HoldsOpen
        if queries.is_unsettled(conn, member_id):
            raise AccountUnsettled
        if moves_so_far(conn, member_id) >= rules.MOST_MOVES:
            raise MovesExhausted(rules.MOST_MOVES)
        lots = queries.lots_of(conn, member_id)
        used = bool(lots) or queries.was_ever_used(conn, member_id)
        return lots, used or self.is_promised(conn, member_id)


def _first_signer(devices: list[Device], new: NewDevice, at: datetime) -> FreshDevice:
    since = member_rules.active_from(at, first=True, granted=False)
    return FreshDevice(member_rules.next_lane(devices), new.signer, 0, since, _label(new))


def _label(new: NewDevice) -> str | None:
    return None if new.label is None else clean_text(new.label, "device.label", _LONGEST_LABEL)
