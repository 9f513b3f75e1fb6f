"""The simulated phones: keys, pay codes and the book of receipts."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger_service.demo.phones import EpochEnds, Phone, device_key
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import check_validity, decode_pay_code, signer_of

AT = datetime(2017, 1, 5, 12, tzinfo=UTC)
DOMAIN = Domain(1337, b"\x11" * 20)
ENDS = EpochEnds({"FUEL": [datetime(2017, 1, 9, tzinfo=UTC), datetime(2017, 1, 16, tzinfo=UTC)]})
EARNED = {"programme": "FUEL", "points": 90, "expires_at": "2017-01-09T00:00:00Z", "debt_collected": 0}


def phone() -> Phone:
    return Phone(7, device_key("seed", 7), "952000000000000007", b"\x22" * 20, lane=3)


def test_a_pay_code_is_signed_by_the_phones_own_key_and_used_once() -> None:
    device = phone()
    first, second = (decode_pay_code(device.pay_code(DOMAIN, AT, 5_000_000)) for _ in range(2))
    assert signer_of(first, DOMAIN) == device.signer
    assert first.permit.nonce != second.permit.nonce
    assert first.lane == second.lane == 3
    check_validity(first, DOMAIN, int(AT.timestamp()))


def test_a_phone_made_again_from_the_seed_signs_the_same_bytes() -> None:
    assert phone().pay_code(DOMAIN, AT, 1) == phone().pay_code(DOMAIN, AT, 1)
    assert device_key("seed", 7) != device_key("seed", 8)


def test_the_book_follows_the_receipts() -> None:
    device = phone()
    device.read_sale({"spent": [], "earned": [EARNED]}, ENDS)
    device.read_sale(
        {"spent": [{"programme": "FUEL", "legs": [{"epoch": 1, "points": 40}]}], "earned": []}, ENDS
    )
    (lot,) = device.spendable(AT, "GROC")
    assert (lot.programme, lot.points) == ("FUEL", 50)
    assert device.spendable(AT, "FUEL") == [], "a merchant's own points are left out"
    assert device.spendable(datetime(2017, 1, 9, tzinfo=UTC), "GROC") == [], "expired at the epoch's end"


def test_a_phone_continues_from_its_checkpoint() -> None:
    device = phone()
    device.read_sale({"spent": [], "earned": [EARNED]}, ENDS)
    device.pay_code(DOMAIN, AT, 1)
    twin = Phone(7, device_key("seed", 7))
    twin.restore(device.state())
    assert twin.state() == device.state()
    assert twin.pay_code(DOMAIN, AT, 9) == device.pay_code(DOMAIN, AT, 9)


def test_epoch_ends_between_two_instants_are_the_barriers_of_the_replay() -> None:
    assert ENDS.between(AT, datetime(2017, 1, 9, tzinfo=UTC)) == [
        int(datetime(2017, 1, 9, tzinfo=UTC).timestamp())
    ]
    assert ENDS.between(datetime(2017, 1, 9, tzinfo=UTC), datetime(2017, 1, 10, tzinfo=UTC)) == []


def test_a_refund_takes_the_sales_own_points_first_and_then_the_latest_to_expire() -> None:
    device = phone()
    week, month, quarter = (datetime(2017, 1, day, tzinfo=UTC) for day in (9, 20, 31))
    ends = [int(end.timestamp()) for end in (week, month, quarter)]
    device.lots = {"GROC": dict(zip(ends, (5, 5, 5), strict=True))}
    clawed = [
        {"programme": "GROC", "points": 8, "from": "available"},
        {"programme": "GROC", "points": 3, "from": "pending"},
    ]
    restored = [{"programme": "FUEL", "points": 4, "expires_at": "2017-01-16T00:00:00Z"}]
    device.read_refund({"clawed": clawed, "restored": restored}, ends[1], AT)
    assert device.lots["GROC"] == {ends[0]: 5, ends[1]: 0, ends[2]: 2}
    assert sum(device.lots["FUEL"].values()) == 4


def test_points_that_paid_an_old_debt_never_reach_the_book() -> None:
    device = phone()
    device.read_sale({"spent": [], "earned": [EARNED | {"debt_collected": 60}]}, ENDS)
    (lot,) = device.spendable(AT, "GROC")
    assert lot.points == 30
