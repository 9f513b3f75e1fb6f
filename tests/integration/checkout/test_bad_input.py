"""Every way in which a till can be wrong has its own refusal and no effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from ledger_service.checkout.errors import (
    AcceptanceForged,
    ClockSkew,
    IdempotencyKeyReused,
    PermitValueExceeded,
    ProgrammeFrozenForMember,
    StoreOfAnotherMerchant,
    UnknownProgramme,
    WrongCurrency,
)
from ledger_service.checkout.parsing import parse_sale
from ledger_service.checkout.requests import Write
from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.paycode import decode_pay_code
from ledger_service.kernel.paycode_errors import (
    PayCodeAltered,
    PayCodeExpired,
    PayCodeForeign,
    PayCodeMalformed,
    PayCodeRevoked,
    PayCodeTooLongLived,
    PayCodeUsed,
    PayCodeVersionUnknown,
    RevokeTooEarly,
)
from ledger_service.kernel.permits import FLAG_CUSTODIAL, acceptance_struct_hash, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key, keccak256, sign_digest
from ledger_service.members.errors import MemberFrozen, MemberUnknown
from ledger_service.members.models import device, member
from ledger_service.merchants.changes import note_change
from ledger_service.merchants.errors import MerchantSuspended, StoreUnknown
from ledger_service.merchants.models import merchant
from ledger_service.points.errors import CustodialLimitExceeded
from ledger_service.points.models import member_programme

from .shop import FUEL, GROCER, START, TILL_KEY, Phone, Shop, line, loads

FIVE = [{"programme": "GROC", "points": 5}]


@pytest.fixture
def phone(shop: Shop) -> Iterator[Phone]:
    """A member with ten points of the grocer; nothing of a refused sale may stay behind."""
    phone = shop.enrol()
    shop.stock(phone, 1, 10)
    yield phone
    assert shop.balance(phone, 1) in (10, 13)  # 8 earned on the money when 5 were spent


def pay(shop: Shop, pay_code: str, **more: object) -> dict[str, object]:
    body = shop.sale_body(line("1", 900), member={"pay_code": pay_code}, **{"spend": FIVE, **more})
    return loads(shop.send_sale(body))


def test_an_expired_pay_code_is_refused_after_its_last_second(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    shop.clock.forward(seconds=61)
    with pytest.raises(PayCodeExpired):
        pay(shop, code)


def test_a_pay_code_counts_through_its_last_second(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    shop.clock.forward(seconds=60)
    assert pay(shop, code)["points_value_minor"] == 5


def test_a_replayed_pay_code_is_refused(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    pay(shop, code)
    with pytest.raises(PayCodeUsed):
        pay(shop, code)


def test_a_pay_code_that_lives_too_long_is_refused(shop: Shop, phone: Phone) -> None:
    until = seconds_floor(shop.clock.at) + 181
    with pytest.raises(PayCodeTooLongLived):
        pay(shop, phone.pay_code(shop.clock.at, valid_until=until))


@pytest.mark.parametrize("position", [4, 30, 60, 100, 170])
def test_an_altered_pay_code_is_refused(shop: Shop, phone: Phone, position: int) -> None:
    code = phone.pay_code(shop.clock.at)
    twisted = code[:position] + ("0" if code[position] != "0" else "1") + code[position + 1 :]
    with pytest.raises(
        (PayCodeAltered, PayCodeMalformed, PayCodeForeign, PayCodeExpired, PayCodeTooLongLived, MemberUnknown)
    ):
        pay(shop, twisted)


def test_a_pay_code_signed_by_another_members_phone_is_refused(shop: Shop, phone: Phone) -> None:
    thief = Phone(phone.member_id, phone.number, phone.account, keccak256(b"thief"))
    with pytest.raises(PayCodeAltered):
        pay(shop, thief.pay_code(shop.clock.at))


def test_a_pay_code_in_the_lane_of_another_device_is_refused(shop: Shop, phone: Phone) -> None:
    with pytest.raises(PayCodeAltered):
        pay(shop, phone.pay_code(shop.clock.at, nonce=nonce_of(2, 1)))


def test_a_pay_code_with_a_nonce_of_64_bits_is_refused_without_harm(shop: Shop, phone: Phone) -> None:
    with pytest.raises(PayCodeAltered):
        pay(shop, phone.pay_code(shop.clock.at, nonce=2**64 - 1))


def test_a_pay_code_of_a_revoked_or_waiting_device_is_refused(shop: Shop, phone: Phone) -> None:
    for change in ({"revoked_at": START}, {"revoked_at": None, "active_from": START + timedelta(days=1)}):
        with shop.database.begin() as conn:
            conn.execute(update(device).where(device.c.member_id == phone.member_id).values(**change))
        with pytest.raises(PayCodeAltered):
            pay(shop, phone.pay_code(shop.clock.at))


def test_a_foreign_pay_code_is_refused(shop: Shop, phone: Phone) -> None:
    with pytest.raises(PayCodeForeign):
        pay(shop, phone.pay_code(shop.clock.at, Domain(1, b"\x22" * 20)))


def test_text_that_is_no_pay_code_is_refused(shop: Shop, phone: Phone) -> None:
    for text in ("hello", "AL1:", "AL1:ABC", "710000000000000000"):
        with pytest.raises((PayCodeMalformed, PayCodeVersionUnknown)):
            pay(shop, text)


def test_a_revoked_pay_code_is_refused_though_nobody_had_seen_it(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    with pytest.raises(RevokeTooEarly):
        shop.revoke(code)
    shop.clock.forward(seconds=15)
    assert shop.revoke(code)["state"] == "revoked"
    with pytest.raises(PayCodeRevoked):
        pay(shop, code)
    assert shop.revoke(code)["state"] == "revoked"


def test_revoking_a_code_that_has_paid_names_the_sale(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    sale = pay(shop, code)
    shop.clock.forward(seconds=20)
    answer = shop.revoke(code)
    assert (answer["state"], answer["used_by"]) == ("accepted", sale["sale_id"])


def test_the_value_of_the_permit_bounds_the_spend(shop: Shop, phone: Phone) -> None:
    with pytest.raises(PermitValueExceeded):
        pay(shop, phone.pay_code(shop.clock.at, max_value_micros=49_999))
    assert pay(shop, phone.pay_code(shop.clock.at, max_value_micros=50_000))["points_value_minor"] == 5


def test_a_reused_key_with_another_body_is_refused(shop: Shop, phone: Phone) -> None:
    shop.send_sale(shop.sale_body(line("1", 1)), "k")
    with pytest.raises(IdempotencyKeyReused):
        shop.send_sale(shop.sale_body(line("1", 2)), "k")
    assert shop.send_sale(shop.sale_body(line("1", 2), at=FUEL), "k", FUEL).status == 201


def test_another_currency_is_refused(shop: Shop) -> None:
    body = {**shop.sale_body(line("1", 1)), "currency": "EUR"}
    with pytest.raises(WrongCurrency):
        shop.send_sale(body)


def test_unknown_and_foreign_stores_are_refused(shop: Shop) -> None:
    with pytest.raises(StoreOfAnotherMerchant):
        shop.send_sale(shop.sale_body(line("1", 1), at=FUEL), merchant_id=GROCER)
    with pytest.raises(StoreUnknown):
        shop.send_sale({**shop.sale_body(line("1", 1)), "store": with_check_digit("999999999999")})


def test_a_suspended_merchant_sells_nothing(shop: Shop) -> None:
    with shop.database.begin() as conn:
        conn.execute(update(merchant).where(merchant.c.merchant_id == GROCER).values(status="suspended"))
        note_change(conn)
    with pytest.raises(MerchantSuspended):
        shop.send_sale(shop.sale_body(line("1", 1)))


def test_unknown_and_frozen_members_are_refused(shop: Shop, phone: Phone) -> None:
    stranger = Phone(99, with_check_digit(f"{99:017d}"), b"\x09" * 20, keccak256(b"x"))
    with pytest.raises(MemberUnknown):
        shop.sell(stranger, line("1", 1))
    with pytest.raises(MemberUnknown):
        pay(shop, stranger.pay_code(shop.clock.at))
    with shop.database.begin() as conn:
        conn.execute(update(member).where(member.c.member_id == phone.member_id).values(status="frozen"))
    with pytest.raises(MemberFrozen):
        shop.sell(phone, line("1", 1))
    with pytest.raises(MemberFrozen):
        pay(shop, phone.pay_code(shop.clock.at))


def test_a_frozen_programme_pays_nothing_but_the_others_do(shop: Shop, phone: Phone) -> None:
    with shop.database.begin() as conn:
        row = {"member_id": phone.member_id, "programme_id": 1, "frozen": True}
        conn.execute(member_programme.insert().values(row))
    with pytest.raises(ProgrammeFrozenForMember):
        pay(shop, phone.pay_code(shop.clock.at))
    answer = pay(shop, phone.pay_code(shop.clock.at), spend={"max_value_minor": 5})
    assert answer["points_value_minor"] == 0
    with shop.database.begin() as conn:
        conn.execute(update(member_programme).values(frozen=False))
    shop.refund(str(answer["sale_id"]))


def test_an_unknown_programme_is_refused(shop: Shop, phone: Phone) -> None:
    with pytest.raises(UnknownProgramme):
        pay(shop, phone.pay_code(shop.clock.at), spend=[{"programme": "NONE", "points": 1}])


@pytest.mark.parametrize("skew", [-121, 121])
def test_a_till_with_a_wrong_clock_is_refused(shop: Shop, phone: Phone, skew: int) -> None:
    accepted = instant_of_seconds(seconds_floor(shop.clock.at) + skew)
    with pytest.raises(ClockSkew):
        pay(shop, phone.pay_code(accepted), acceptance=shop.accepted(accepted))


def test_an_acceptance_within_the_skew_judges_the_code(shop: Shop, phone: Phone) -> None:
    code = phone.pay_code(shop.clock.at)
    taken = shop.accepted(shop.clock.at)
    shop.clock.forward(seconds=100)
    assert pay(shop, code, acceptance=taken)["points_value_minor"] == 5


def test_a_till_with_a_key_must_sign_its_acceptances(shop: Shop, phone: Phone) -> None:
    at = seconds_floor(shop.clock.at)
    caller = shop.caller(till_key=address_of_key(TILL_KEY))
    for key, good in ((keccak256(b"other"), False), (TILL_KEY, True)):
        code = phone.pay_code(shop.clock.at)
        permit = decode_pay_code(code).permit
        digest = shop.desk.domain.digest(
            acceptance_struct_hash(shop.desk.domain.digest(permit.struct_hash()), at)
        )
        taken = {**shop.accepted(shop.clock.at), "signature": "0x" + sign_digest(key, digest).hex()}
        body = shop.sale_body(line("1", 900), member={"pay_code": code}, spend=FIVE, acceptance=taken)
        write = Write(caller, f"till-{good}", bytes(32), shop.clock.at)
        if good:
            assert shop.service.sale(write, parse_sale(body)).status == 201
        else:
            with pytest.raises(AcceptanceForged):
                shop.service.sale(write, parse_sale(body))


def test_custodial_keys_have_limits_per_code_and_per_day(shop: Shop) -> None:
    phone = shop.enrol(custody="custodial", flags=FLAG_CUSTODIAL)
    shop.stock(phone, 1, 2_000)
    spend = [{"programme": "GROC", "points": 501}]
    with pytest.raises(CustodialLimitExceeded):
        shop.sell(phone, line("1", 900), spend=spend)
    shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 500}])
    with pytest.raises(CustodialLimitExceeded):
        shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 301}])
    shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 300}])
    shop.clock.forward(days=1)
    shop.sell(phone, line("1", 900), spend=[{"programme": "GROC", "points": 500}])


def test_an_honest_retry_is_answered_though_everything_has_changed(shop: Shop, phone: Phone) -> None:
    body = shop.sale_body(
        line("1", 900), member={"pay_code": phone.pay_code(shop.clock.at)}, spend=FIVE,
        acceptance=shop.accepted(shop.clock.at),
    )  # fmt: skip
    first = shop.send_sale(body, "once")
    with shop.database.begin() as conn:
        conn.execute(update(member).values(status="frozen"))
        conn.execute(update(merchant).values(status="suspended"))
        note_change(conn)
    shop.clock.forward(days=2)
    again = shop.send_sale(body, "once")
    assert (again.body, again.replayed) == (first.body, True)
    with shop.database.begin() as conn:
        conn.execute(update(member).values(status="active"))


def test_a_spend_without_a_pay_code_never_reaches_the_service(shop: Shop, phone: Phone) -> None:
    with pytest.raises(MalformedField):
        shop.send_sale(shop.sale_body(line("1", 900), member={"number": phone.number}, spend=FIVE))
