"""Pure rules of the care room: whose word moves an account, and which legs a move names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_service.care.errors import MovePermitInvalid
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import AccountMove
from ledger_service.kernel.permits import MINING_WINDOW_SECONDS, MovePermit
from ledger_service.kernel.points import Leg
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.members.rules import Device

KINDS = ("lost_phone", "recycled_number", "death")
MERGE = "merge"
# open -> approved (by a second person) -> notice (the desk has it) -> executed; on the way it may be
# objected to, and is stopped once the desk knows that.
UNDER_WAY = ("open", "approved", "notice", "objected")
STATES = (*UNDER_WAY, "executed", "stopped")
EVENTS = ("opened", "approved", "announced", "objected", "stopped", "executed")
# By which a member is told of a case.
CHANNELS = ("phone", "email")
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)
MOST_MOVES = 32
MOST_LEGS_OF_MOVE = 64
PERMIT_LIFE_SECONDS = 86_400
# The desk keeps a move ripe for 30 days, and one that is decided now may be mined as late as any operation.
CARRIED_OUT_WITHIN_SECONDS = 30 * 86_400 - MINING_WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class Leave:
    """By whose leave an account moves: a rotation's signer and signature, or only the reason."""

    reason: int
    accepted_at: int
    valid_until: int = 0
    signer: bytes = bytes(20)
    authorisation: bytes = b""


def check_move_permit(
    domain: Domain, permit: MovePermit, signature: bytes, devices: Iterable[Device], at: datetime
) -> None:
    """A device of the member that is active now wills the move, within a day.

    A custodial key's word does not count: it would pass the limits under which it signs (D1).

    Raises:
        MovePermitInvalid: nobody's, a stranger's, a custodial or an inactive signer's signature, or out of
            time.
    """
    now = seconds_floor(at)
    in_time = now <= permit.valid_until <= now + PERMIT_LIFE_SECONDS
    by = recover_address(domain.digest(permit.struct_hash()), signature) if in_time else None
    if by is None or not any(d.signer == by and not d.custodial and d.active_at(at) for d in devices):
        raise MovePermitInvalid


def has_lapsed(ripe_at: datetime, at: datetime) -> bool:
    """Whether the desk might not find the case ripe any more by the time that its move is mined."""
    return seconds_floor(at) > seconds_floor(ripe_at) + CARRIED_OUT_WITHIN_SECONDS


def next_try(sends: int, at: datetime, ends_at: datetime) -> datetime | None:
    """When a notice that was not taken is tried again: after a wait that doubles up to an hour.

    Args:
        sends: how often it was tried, 1 or more.
        at: when it was tried last.
        ends_at: when the objection that it speaks of is over; None is answered where the wait leads there.
    """
    wait: timedelta = min(_FIRST_WAIT * (1 << min(sends - 1, 20)), _LONGEST_WAIT)
    return at + wait if at + wait < ends_at else None


def moves_of(
    account: bytes, successor: bytes, lots: Sequence[tuple[int, int]], leave: Leave
) -> Iterator[AccountMove]:
    """The operations that bring everything after the member; at least one, so that refunds follow too.

    Args:
        account: where the member was.
        successor: where it is.
        lots: (programme, epoch) of whatever it has.
        leave: only the first needs it; further ones go to the successor that stands by then.
    """
    legs = [Leg(programme, 0, epoch, 0) for programme, epoch in sorted(lots)]
    for number, first in enumerate(range(0, max(len(legs), 1), MOST_LEGS_OF_MOVE)):
        yield AccountMove(
            op_id=derive_id("account-move", account, successor, number.to_bytes(2, "big")),
            account=account,
            successor=successor,
            reason=leave.reason,
            accepted_at=leave.accepted_at,
            valid_until=leave.valid_until,
            signer=leave.signer,
            legs=tuple(legs[first : first + MOST_LEGS_OF_MOVE]),
            authorisation=leave.authorisation,
        )
