"""Values for the formats that the OpenAPI document names: mostly those that the founded alliance knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import schemathesis
from hypothesis import strategies as st

from ledger_service.kernel import otp
from ledger_service.kernel.clock import parse_instant, seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.paycode import encode_pay_code, sign_pay_code
from ledger_service.kernel.permits import SpendPermit, nonce_of
from tests.api.service import ALLIANCE, FUEL, FUEL_STORE, GROCER, GROCER_STORE, Shop, basket
from tests.api.test_administration import PHONE, with_phone


@dataclass(frozen=True)
class Members:
    """Two members with points: one whose phone signs, one in custody who shows digits."""

    phone: dict[str, Any]
    custodial: dict[str, Any]

    @property
    def numbers(self) -> list[str]:
        return [str(self.phone["number"]), str(self.custodial["number"])]


def enrol_members(shop: Shop) -> Members:
    """Both are enrolled, have earned at both merchants, and have a key of their own."""
    members = Members(with_phone(shop), shop.must("grocer", "/v1/members", {"custody": "custodial"}))
    for number in members.numbers:
        for who, store in (("grocer-till", GROCER_STORE), ("fuel-till", FUEL_STORE)):
            shop.must(who, "/v1/sales", basket(store, 5_000_000, member={"number": number}))
    shop.keys["member"] = shop.key_for("member", members.numbers[0])
    shop.keys["custodial"] = shop.key_for("member", members.numbers[1])
    return members


def register_formats(shop: Shop, members: Members) -> None:
    """Schemathesis makes values of these formats for as long as the process lives."""
    digits = st.text("0123456789", min_size=12, max_size=12)
    glns = [GROCER, FUEL, GROCER_STORE, GROCER_STORE, GROCER_STORE, FUEL_STORE]
    for name, strategy in {
        "gln": st.sampled_from(glns) | st.sampled_from(glns) | digits.map(with_check_digit),
        "gsrn": st.sampled_from(members.numbers) | st.integers(0, 10**9).map(_unknown_member),
        "gtin": digits.map(with_check_digit),
        "programme-code": st.sampled_from(["GROC", "FUEL"]) | st.from_regex(r"\A[A-Z0-9]{2,12}\Z"),
        "iso-4217": st.sampled_from(["USD"] * 8 + ["EUR", "JPY", "XXX"]),
        "iana-time-zone": st.sampled_from(["America/New_York", "Pacific/Apia", "Europe/London", "Nowhere"]),
        "pay-code": _pay_codes(shop, members),
    }.items():
        schemathesis.openapi.format(name, strategy)


def _unknown_member(member_id: int) -> str:
    return with_check_digit(f"9520000{member_id:010d}")


def _pay_codes(shop: Shop, members: Members) -> st.SearchStrategy[str]:
    digits = members.custodial["devices"][0]["digits"]
    shown = otp.digits_at(bytes.fromhex(digits["secret"]), digits["number"], _now(shop))
    counters, values = st.integers(0, 2**32 - 1), st.sampled_from([10**6, 10**9, 10**12])
    codes = st.builds(lambda counter, value: signed_code(shop, members, counter, value), counters, values)
    return codes | codes | st.just(shown)


def signed_code(shop: Shop, members: Members, counter: int, most_micros: int) -> str:
    """A pay code that the phone shows now."""
    nonce = nonce_of(members.phone["devices"][0]["lane"], counter)
    account = bytes.fromhex(members.phone["account"][2:])
    permit = SpendPermit(account, nonce, most_micros, _now(shop) + 60)
    return encode_pay_code(sign_pay_code(PHONE, ALLIANCE.domain, permit))


def _now(shop: Shop) -> int:
    return seconds_floor(parse_instant(shop.at, "at"))
