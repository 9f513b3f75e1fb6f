"""Eighteen digits at the till: right once, wrong counted, and every use in the sale's own unit of work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel import otp
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.paycode_errors import (
    PayCodeAltered,
    PayCodeLocked,
    PayCodeMalformed,
    PayCodeUsed,
    PayCodeWrong,
)
from ledger_service.members import digits, queries, rules
from ledger_service.members.models import device, otp_use
from ledger_service.members.requests import DigitSecret, Enrolled, EnrolMember, RevokeDevice
from tests.integration.members.alliance import NOW, SETTINGS, Alliance, key, new_device

SECONDS = int(NOW.timestamp())


class Pay(BookCommand[int]):
    """What a checkout does with a right code, and nothing else."""

    def __init__(self, shown: digits.Shown, at: datetime = NOW) -> None:
        self._shown = shown
        self._at = at

    def locks(self, view: Workset) -> Iterable[Need]:
        return [queries.MEMBER_BY_ID.of(self._shown.member_id)]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        return digits.needs(self._shown)

    def apply(self, draft: Draft) -> int:
        digits.use(draft, self._shown, self._at)
        return self._shown.step


@pytest.fixture
def owner(alliance: Alliance) -> Enrolled:
    """A custodial member."""
    return alliance.enrol(EnrolMember("李四", custody="custodial"))[0]


@pytest.fixture
def app(owner: Enrolled) -> DigitSecret:
    """What the member's app knows."""
    found = owner.devices[0].digits
    assert found is not None
    return found


@pytest.fixture
def desk(alliance: Alliance) -> digits.DigitDesk:
    """The desk that tills ask."""
    return digits.DigitDesk(SETTINGS.one_time_secret, alliance.database.read, alliance.write)


def wrong(app: DigitSecret, seconds: int = SECONDS) -> str:
    """A code of the right device whose one-time part no near step has."""
    right = {otp.one_time_part(app.secret, app.number, otp.step_of(seconds) + i) for i in (-1, 0, 1)}
    part = next(p for p in (f"{i:07d}" for i in range(4)) if p not in right)
    return with_check_digit(otp.PREFIX + app.number + part)


def failures(alliance: Alliance) -> tuple[object, object]:
    """The counter and the lock of the only device."""
    (row,) = alliance.rows(device)
    return row["otp_failures"], row["otp_locked_until"]


def test_a_right_code_names_member_lane_and_a_nonce_of_its_own(
    alliance: Alliance, owner: Enrolled, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    shown = desk.resolve(otp.digits_at(app.secret, app.number, SECONDS), NOW)
    assert (shown.member_id, shown.account, shown.lane) == (owner.member_id, owner.account, 0)
    permit = shown.permit(5_000_000)
    assert (permit.account, permit.nonce, permit.valid_until) == (owner.account, SECONDS // 30, SECONDS + 60)
    assert failures(alliance) == (0, None)


def test_a_code_is_good_for_one_use_also_when_two_tills_race(
    alliance: Alliance, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    shown = desk.resolve(otp.digits_at(app.secret, app.number, SECONDS), NOW)
    rivals = [alliance, Alliance(alliance.database)]
    outcomes: list[object] = []

    def pay(room: Alliance) -> None:
        try:
            outcomes.append(room.writer.submit(Pay(shown)))
        except DomainError as refusal:
            outcomes.append(type(refusal))

    threads = [threading.Thread(target=pay, args=(rivals[i % 2],)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rivals[1].close()
    assert outcomes.count(shown.step) == 1
    assert outcomes.count(PayCodeUsed) == 5
    assert alliance.count(otp_use) == 1


def test_the_codes_of_two_steps_are_two_payments(
    alliance: Alliance, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    for late in (0, 30):
        at = NOW + timedelta(seconds=late)
        alliance.writer.submit(
            Pay(desk.resolve(otp.digits_at(app.secret, app.number, SECONDS + late), at), at)
        )
    assert alliance.count(otp_use) == 2


@pytest.mark.parametrize("late", [-60, 60, 600])
def test_a_code_of_another_minute_is_wrong(app: DigitSecret, desk: digits.DigitDesk, late: int) -> None:
    with pytest.raises(PayCodeWrong):
        desk.resolve(otp.digits_at(app.secret, app.number, SECONDS), NOW + timedelta(seconds=late))


def test_unknown_and_wrong_get_the_same_answer_after_the_same_reads_and_writes(
    alliance: Alliance, app: DigitSecret
) -> None:
    work: list[str] = []

    def record(action: Callable[[Connection], None]) -> None:
        work.append("write")
        alliance.write(action)

    desk = digits.DigitDesk(SETTINGS.one_time_secret, alliance.database.read, record)
    unknown = with_check_digit(otp.PREFIX + "00000000" + "0000000")
    answers = []
    for text in (unknown, wrong(app)):
        before = alliance.database.statements.count
        with pytest.raises(PayCodeWrong) as refusal:
            desk.resolve(text, NOW)
        answers.append((str(refusal.value), len(work), alliance.database.statements.count - before))
        work.clear()
    assert answers[0] == answers[1]
    assert failures(alliance) == (1, None)


def test_the_fifth_wrong_code_locks_for_minutes_even_the_right_one(
    alliance: Alliance, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    for _ in range(rules.MOST_WRONG_CODES):
        with pytest.raises(PayCodeWrong):
            desk.resolve(wrong(app), NOW)
    right = otp.digits_at(app.secret, app.number, SECONDS)
    with pytest.raises(PayCodeLocked) as refusal:
        desk.resolve(right, NOW)
    assert refusal.value.retry_after_seconds == 300
    later = NOW + rules.LOCK
    seconds = int(later.timestamp())
    desk.resolve(otp.digits_at(app.secret, app.number, seconds), later)


def test_a_burst_of_wrong_codes_gets_no_further_than_the_counter(
    alliance: Alliance, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    outcomes: list[type] = []

    def guess() -> None:
        try:
            desk.resolve(wrong(app), NOW)
        except DomainError as refusal:
            outcomes.append(type(refusal))

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(PayCodeWrong) == rules.MOST_WRONG_CODES
    assert outcomes.count(PayCodeLocked) == 15


def test_a_right_code_that_is_used_forgives_earlier_slips(
    alliance: Alliance, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    with pytest.raises(PayCodeWrong):
        desk.resolve(wrong(app), NOW)
    alliance.writer.submit(Pay(desk.resolve(otp.digits_at(app.secret, app.number, SECONDS), NOW)))
    assert failures(alliance) == (0, None)


def test_a_device_that_was_revoked_shows_no_right_code_any_more(
    alliance: Alliance, owner: Enrolled, app: DigitSecret, desk: digits.DigitDesk
) -> None:
    right = otp.digits_at(app.secret, app.number, SECONDS)
    shown = desk.resolve(right, NOW)
    alliance.write(
        lambda conn: alliance.members.revoke_device(conn, RevokeDevice(owner.member_number, 0), NOW)
    )
    with pytest.raises(PayCodeWrong):
        desk.resolve(right, NOW)
    with pytest.raises(PayCodeAltered):
        alliance.writer.submit(Pay(shown))


def test_a_custodial_key_that_still_waits_cannot_pay(alliance: Alliance, desk: digits.DigitDesk) -> None:
    (one,) = alliance.enrol(EnrolMember("Li", device=new_device(key(1))))
    signer = alliance.members.custodial_signer(one.account)
    view = alliance.write(lambda conn: alliance.members.allow_digits(conn, one.member_number, signer, NOW))
    assert view.digits is not None
    with pytest.raises(PayCodeWrong):
        desk.resolve(otp.digits_at(view.digits.secret, view.digits.number, SECONDS), NOW)


@pytest.mark.parametrize("text", ["", "7" * 18, "71" + "0" * 16 + "0", "AL1:XYZ"])
def test_what_is_no_18_digit_code_never_reaches_the_database(desk: digits.DigitDesk, text: str) -> None:
    with pytest.raises(PayCodeMalformed):
        desk.resolve(text, NOW)
