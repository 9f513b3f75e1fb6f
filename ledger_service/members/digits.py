"""The 18-digit form at the till: whose code it is, wrong tries counted, and the one use of a right one.

``resolve`` runs before the checkout's command and may write a wrong try; ``needs`` and ``use`` run
inside it, so that the use and the sale stand or fall together. A checkout looks its idempotency key
up first (D6): an honest retry never comes here again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, literal, null, select, update

from ledger_service.db.types import UtcInstant
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel import otp
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.paycode_errors import PayCodeAltered, PayCodeWrong
from ledger_service.kernel.permits import SpendPermit, nonce_of
from ledger_service.members import rules
from ledger_service.members.device_rows import device_of
from ledger_service.members.models import device, member, otp_use
from ledger_service.members.queries import DEVICE_BY_ID, OTP_USE

Reader = Callable[[], AbstractContextManager[Connection]]
Recorder = Callable[[Callable[[Connection], None]], None]
_STRIPES = 64
_NO_DEVICE = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A right 18-digit code: the device and step that showed it, and the account it speaks for."""

    device_id: int
    member_id: int
    account: bytes
    lane: int
    step: int

    def permit(self, max_value_micros: int) -> SpendPermit:
        """The permit for custody to sign: one nonce (D4) and one validity, however often asked."""
        return SpendPermit(
            account=self.account,
            nonce=nonce_of(self.lane, self.step),
            max_value_micros=max_value_micros,
            valid_until=otp.last_second(self.step) + 1,
        )


class DigitDesk:
    """Resolves 18-digit codes; safe for any number of threads."""

    def __init__(self, one_time_master: bytes, read: Reader, record: Recorder) -> None:
        """Open nothing yet.

        Args:
            one_time_master: the 32-byte master of device secrets.
            read: opens a connection for reads (``Database.read``).
            record: runs a function in a durable unit of work of its own (``Writer.run``).
        """
        self._master = one_time_master
        self._read = read
        self._record = record
        # Tries on one device go one after another, so a burst cannot outrun the counter.
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]

    def resolve(self, text: str, at: datetime) -> Shown:
        """Whose code these 18 digits are now; a wrong try is on record when this raises.

        Unknown devices and wrong codes cost the same read, hash and write, and answer the same.

        Raises:
            PayCodeMalformed: not 18 digits of ours.
            PayCodeWrong: an unknown, revoked or waiting device, or not its code of this minute.
            PayCodeLocked: five wrong tries within the last minutes; a right code is refused too.
        """
        digits = otp.parse_digits(text)
        with self._stripes[int(digits.device_number) % _STRIPES]:
            with self._read() as conn:
                found = _find(conn, digits.device_number)
            if found is not None:
                rules.check_lock(found.device, at)
            secret = otp.device_secret(self._master, digits.device_number)
            step = otp.matching_step(secret, digits, seconds_floor(at))
            if found is not None and step is not None and found.device.active_at(at):
                return found.shown(step)
            device_id = _NO_DEVICE if found is None else found.device.device_id
            self._record(lambda conn: count_wrong_try(conn, device_id, at))
        raise PayCodeWrong


@dataclass(frozen=True, slots=True)
class _Found:
    device: rules.Device
    account: bytes

    def shown(self, step: int) -> Shown:
        return Shown(self.device.device_id, self.device.member_id, self.account, self.device.lane, step)


def _find(conn: Connection, device_number: str) -> _Found | None:
    statement = select(device, member.c.account).join_from(device, member)
    row = conn.execute(statement.where(device.c.otp_number == device_number)).mappings().one_or_none()
    return None if row is None else _Found(device_of(dict(row)), row["account"])


def count_wrong_try(conn: Connection, device_id: int, at: datetime) -> None:
    """One more wrong code stands on the device; the fifth locks it for minutes and starts the count anew."""
    tries = device.c.otp_failures + 1
    full = tries >= rules.MOST_WRONG_CODES
    conn.execute(
        update(device)
        .where(device.c.device_id == device_id)
        .values(
            otp_failures=case((full, 0), else_=tries),
            otp_locked_until=case((full, literal(at + rules.LOCK, UtcInstant)), else_=null()),
        )
    )


def needs(shown: Shown) -> list[Need]:
    """What a checkout's command reads (``reads_first``) to use the code."""
    return [DEVICE_BY_ID.of(shown.device_id), OTP_USE.of(shown.device_id, shown.step)]


def use(draft: Draft, shown: Shown, at: datetime) -> None:
    """The code's one use is in the draft; the primary key of ``otp_use`` keeps it single across processes.

    Raises:
        PayCodeUsed: it was used before.
        PayCodeLocked: the device was locked meanwhile.
        PayCodeAltered: its custodial signer does not count at this time.
    """
    row = draft.get(device, shown.device_id)
    if row is None:
        raise PayCodeAltered
    used = draft.get(otp_use, (shown.device_id, shown.step)) is not None
    rules.check_digits_use(device_of(row), used=used, at=at)
    draft.add(otp_use, {"device_id": shown.device_id, "step": shown.step, "used_at": at})
    if row["otp_failures"]:
        draft.change(device, shown.device_id, otp_failures=0, otp_locked_until=None)
