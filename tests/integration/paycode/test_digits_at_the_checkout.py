"""Eighteen digits all the way: shown by an app, resolved, signed by custody, spent in a sale, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.directory import Directory
from ledger_service.checkout.errors import NotEnoughPoints
from ledger_service.checkout.service import CheckoutService, Store
from ledger_service.checkout.sources import Sources
from ledger_service.custody.asking import CustodialPayCodes
from ledger_service.custody.keystore import Keystore
from ledger_service.custody.local import LocalCustody
from ledger_service.custody.requests import BindDomain
from ledger_service.custody.vault import CustodialLimits
from ledger_service.db.engine import Database
from ledger_service.kernel import otp
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.intents import operation_of
from ledger_service.kernel.operations import Redeem
from ledger_service.kernel.paycode_errors import PayCodeUsed, PayCodeWrong
from ledger_service.kernel.permits import SpendPermit
from ledger_service.kernel.secp256k1 import recover_address
from ledger_service.members.digits import DigitDesk
from ledger_service.members.models import otp_use
from ledger_service.members.requests import Enrolled, EnrolMember
from ledger_service.members.service import MembersService
from ledger_service.merchants.api_keys import ApiKeys
from ledger_service.outbox.models import intent
from tests.integration.checkout.held import held_coupons
from tests.integration.checkout.shop import (
    DOMAIN,
    GROCER,
    Shop,
    line,
    loads,
    lots_equal_postings,
)
from tests.integration.members.alliance import SETTINGS, CountingIds


class DigitShop(Shop):
    """A shop whose tills take 18 digits, and one custodial member."""

    def __init__(self, database: Database, directory: Path) -> None:
        super().__init__(database)
        self.found()
        limits = CustodialLimits(5_000_000, 8_000_000)
        self.custody = LocalCustody(Keystore(bytes(range(32))), directory / "journal", limits)
        self.custody.bind(BindDomain(DOMAIN.chain_id, DOMAIN.clearing_house, bytes(20)))
        digits = DigitDesk(SETTINGS.one_time_secret, database.read, self.writer.run)
        codes = CustodialPayCodes(self.custody, DOMAIN)
        sources = Sources(self.catalogue, Directory(database, lambda: 0.0), database, digits, codes)
        self.service = CheckoutService(
            Store(self.writer, database), Admission(self.desk, sources), held_coupons(database)
        )
        keys = ApiKeys(CountingIds())
        members = MembersService(SETTINGS, DOMAIN, self.custody, CountingIds(), keys)
        prepared = members.prepare([EnrolMember("李四", custody="custodial")], self.clock.at)
        self.member: Enrolled = self.writer.run(lambda conn: members.enrol(conn, prepared, self.clock.at))[0]
        secret = self.member.devices[0].digits
        assert secret is not None
        self.app = secret

    def shown(self) -> str:
        """What the member's app shows now."""
        return otp.digits_at(self.app.secret, self.app.number, seconds_floor(self.clock.at))

    def pay(self, total: int, digits: str, key: str, max_value_minor: int | None = None) -> dict[str, object]:
        """A sale with 18 digits, paid with points up to a value where one is named."""
        more = {} if max_value_minor is None else {"spend": {"max_value_minor": max_value_minor}}
        body = self.sale_body(line("1", total), at=GROCER, member={"pay_code": digits}, **more)
        return loads(self.send_sale(body, key))


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Iterator[DigitShop]:
    """A shop on each database."""
    made = DigitShop(database, tmp_path)
    yield made
    made.close()
    made.custody.close()
    lots_equal_postings(made)


def test_digits_spend_points_under_a_permit_that_the_contract_can_check(shop: DigitShop) -> None:
    shop.pay(30_000, shop.shown(), "earn")
    shop.clock.forward(seconds=30)
    answer = shop.pay(1_000, shop.shown(), "pay", max_value_minor=120)
    assert (answer["points_value_minor"], answer["due_minor"]) == (120, 880)
    with shop.database.read() as conn:
        payloads = conn.execute(select(intent.c.payload).order_by(intent.c.intent_id)).scalars()
        (redeem,) = [op for op in map(operation_of, payloads) if isinstance(op, Redeem)]
        assert len(conn.execute(select(otp_use)).all()) == 2
    permit = SpendPermit(redeem.account, redeem.nonce, redeem.max_value_micros, redeem.valid_until)
    assert redeem.max_value_micros == 1_200_000
    signer = recover_address(DOMAIN.digest(permit.struct_hash()), redeem.signature)
    assert signer == shop.member.devices[0].signer


def test_the_same_request_again_gets_its_answer_and_another_request_is_refused(shop: DigitShop) -> None:
    shop.pay(30_000, shop.shown(), "earn")
    shop.clock.forward(seconds=30)
    digits = shop.shown()
    first = shop.pay(1_000, digits, "pay", max_value_minor=120)
    with pytest.raises(PayCodeUsed):
        shop.pay(1_000, digits, "other", max_value_minor=120)
    shop.clock.forward(minutes=10)
    assert shop.pay(1_000, digits, "pay", max_value_minor=120) == first
    with pytest.raises(PayCodeWrong):
        shop.pay(1_000, digits, "late", max_value_minor=120)


def test_a_sale_that_fails_leaves_the_code_for_the_next_try(shop: DigitShop) -> None:
    shop.pay(30_000, shop.shown(), "earn")
    shop.clock.forward(seconds=30)
    digits = shop.shown()
    spend = [{"programme": "GROC", "points": 450}]
    body = shop.sale_body(line("1", 60_000), at=GROCER, member={"pay_code": digits}, spend=spend)
    with pytest.raises(NotEnoughPoints):
        loads(shop.send_sale(body, "too much"))
    shop.clock.forward(seconds=20)
    assert shop.pay(1_000, digits, "less", max_value_minor=120)["points_value_minor"] == 120


def test_showing_the_code_only_to_earn_never_uses_up_what_may_be_spent(shop: DigitShop) -> None:
    for i in range(5):
        shop.pay(30_000, shop.shown(), f"earn {i}")
        shop.clock.forward(seconds=30)
    assert shop.pay(1_000, shop.shown(), "pay", max_value_minor=500)["points_value_minor"] == 500
