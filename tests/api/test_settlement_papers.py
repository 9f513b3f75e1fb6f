"""Papers and bank files of a period over HTTP: whose they are, when they are there, and what is refused."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from ledger_service.bootstrap import settlement_papers
from ledger_service.bootstrap.kept_figures import FiguresKeeper
from ledger_service.bootstrap.period_papers import alliances_of
from ledger_service.chain import models as m
from ledger_service.chain import standings
from ledger_service.chain.basis.models import chain_basis
from ledger_service.chain.desk import Desk
from ledger_service.db.models import chain_reserve
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import with_check_digit
from ledger_service.kernel.operations import Kind
from ledger_service.kernel.points import Leg
from ledger_service.settlement.bank.references import POOLS_FROM, Reference, tag_of
from ledger_service.settlement.models import off_desk_payment, settlement_figures
from tests.api.offices import browser
from tests.api.service import ALLIANCE, FUEL, GROCER, Shop
from tests.api.test_owners import person
from tests.api.test_pages import all_pages
from tests.api.test_settlement import MICROS, OPERATIONS, PERIODS, STANDING, THIRD, redemption, settled
from tests.unit.settlement.bank.banking import Told
from tests.unit.settlement.bank.banking import statement as bank_statement

PAPERS = f"{PERIODS}/1/papers"
ACCOUNTS = [
    {"merchant": GROCER, "name": "Grocer", "account": "123456", "bic": "CHASUS33"},
    {"merchant": FUEL, "name": "Fuel 加油站", "account": "654321", "bic": "BOFAUS3N"},
]
ORDER = {"execution": "2017-04-20", "accounts": ACCOUNTS}


def kept(shop: Shop) -> None:
    """Period 1 is closed, and a bridge has added up its seven redemptions of 100 points."""
    settled(shop)
    database = shop.serving.foundations.database
    keys = {"admin": bytes(20), "operations": bytes(20), "settlement": bytes(20)}
    with database.begin() as conn:
        for merchant in (GROCER, FUEL, THIRD):
            row = {"merchant": int(merchant), "block_number": 1, "log_index": int(merchant) % 97, **keys}
            conn.execute(insert(m.chain_merchant_keys).values(row))
        # The programme's points of before, so that the movements come to what is left.
        conn.execute(insert(m.chain_operation).values(issued(OPERATIONS * 100)))
    desk = Desk.unfenced(database, lambda: datetime(2017, 4, 1, tzinfo=UTC))
    keeper = FiguresKeeper(database, desk, alliances_of(ALLIANCE), 2)
    while keeper.run():
        pass


def issued(points: int) -> dict[str, Any]:
    """What the redemptions spend, as the mirror keeps the event."""
    words = [1 << 192 | 9 << 160 | int(GROCER) << 96, 0, 0, Leg(1, 1, 1, points).word()]
    data = b"".join(word.to_bytes(32, "big") for word in words)
    return {**redemption(1, 9), "kind": int(Kind.ISSUE), "data": data}


def netted(shop: Shop, **changes: Any) -> None:
    """Period 1 is netted; the grocer owes the fuel station 95 cents."""
    kept(shop)
    with shop.serving.foundations.database.begin() as conn:
        standings.note(conn, 1, 9, {**STANDING, "root": "0x" + "cd" * 32, **changes})


def paper(shop: Shop, who: str, gln: str = GROCER, **query: str) -> Any:
    asked = {"paper": "statement.csv", **query}
    return shop.get(who, f"{PAPERS}/{gln}?" + "&".join(f"{name}={value}" for name, value in asked.items()))


def test_a_merchant_gets_its_papers_and_the_same_bytes_again(any_shop: Shop) -> None:
    kept(any_shop)
    first = paper(any_shop, "grocer")
    assert (first.status_code, first.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert f"statement-1-{GROCER}-closed.csv" in first.headers["Content-Disposition"]
    assert f"{GROCER},{FUEL}" in first.text
    assert first.data == paper(any_shop, "operator").data == paper(any_shop, "auditor").data
    assert paper(any_shop, "grocer", paper="statement.pdf", language="zh-Hans").data.startswith(b"%PDF")
    assert "journal" in paper(any_shop, "fuel", FUEL, paper="journal.csv").headers["Content-Disposition"]
    with any_shop.serving.foundations.database.begin() as conn:
        standings.note(conn, 1, 9, {**STANDING, "root": "0x" + "cd" * 32})
    later = paper(any_shop, "grocer")
    assert f"statement-1-{GROCER}-netted.csv" in later.headers["Content-Disposition"]
    assert paper(any_shop, "grocer", stage="closed").data == first.data
    page = browser(any_shop, "grocer")
    assert f"/settlement/1/papers/{GROCER}/journal.csv" in page.open("/settlement/papers").text
    fetched = page.open(f"/settlement/1/papers/{GROCER}/statement.csv?stage=closed")
    assert (fetched.data, f"statement-1-{GROCER}-closed.csv" in fetched.headers["Content-Disposition"]) == (
        first.data, True,
    )  # fmt: skip
    assert page.open(f"/settlement/1/papers/{FUEL}/statement.csv").status_code == 403
    # Another block closed it: the figures are not of that close, until a bridge makes them anew.
    with any_shop.serving.foundations.database.begin() as conn:
        conn.execute(update(m.chain_block).values(hash=b"\x09" * 32))
    assert paper(any_shop, "grocer").json["code"] == "settlement-figures-not-ready"


def test_pools_are_told_to_both_sides_and_stand_in_their_papers(any_shop: Shop) -> None:
    basis = {"programme_id": 1, "number": 1, "kind": 1, "reserve_bps": 0, "pool": int(FUEL)}
    with any_shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_basis).values(**basis, effective_from=1, block_number=1))
    kept(any_shop)
    pools = f"{PERIODS}/1/pools"
    (told,) = any_shop.get("grocer", pools).json["pools"]
    assert (told["basis"], told["issuer"], told["pool"]) == ("issue", GROCER, FUEL)
    # Seven hundred points of a cent were issued; spent without the fee of five percent.
    figures = ("paid_in_micros", "paid_out_micros", "owed_micros", "held_micros")
    assert [told[name] for name in figures] == ["7000000", "6650000", "350000", "350000"]
    assert told["payment"] == {"payer": GROCER, "payee": FUEL, "amount_minor": 35, "paid": False}
    for who in ("fuel", "operator", "auditor"):
        assert all_pages(any_shop, who, pools, "pools", 1) == [told]
    assert any_shop.get("third", pools).json == {"pools": [], "next_cursor": None}
    assert any_shop.get("grocer-till", pools).json["code"] == "scope-missing"
    assert any_shop.get("grocer", f"{PERIODS}/2/pools").json["code"] == "period-still-open"
    assert f"pool,held by the pool,1,,{FUEL},{GROCER},,0,350000" in paper(any_shop, "grocer").text
    assert "pool_deposit" in paper(any_shop, "grocer", paper="journal.csv").text
    assert "pool_held" in paper(any_shop, "fuel", FUEL, paper="journal.csv").text


def test_a_merchant_reads_how_its_lines_are_split_to_owners(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(shop)
    asked = {"paper": "owners.csv"}
    none = paper(shop, "fuel", FUEL, **asked)
    assert (none.status_code, none.json["code"]) == (404, "owners-none")
    shop.must("fuel", "/v1/owners", person(merchant=FUEL))
    told = paper(shop, "fuel", FUEL, **asked)
    assert f"owners-1-{FUEL}.csv" in told.headers["Content-Disposition"]
    # No set of owners was in force: all seven lines stand under nobody.
    assert str(OPERATIONS * MICROS) in told.text
    assert paper(shop, "operator", FUEL, **asked).data == told.data
    assert paper(shop, "grocer", FUEL, **asked).json["code"] == "not-yours"
    monkeypatch.setattr(settlement_papers, "MOST_OWNED_LINES", 6)
    assert paper(shop, "fuel", FUEL, **asked).json["code"] == "owners-paper-too-long"


def test_papers_of_others_and_of_what_is_not_closed_or_not_added_up_are_refused(shop: Shop) -> None:
    settled(shop)
    assert paper(shop, "grocer").json["code"] == "settlement-figures-not-ready"
    assert paper(shop, "fuel").json["code"] == "not-yours"
    assert paper(shop, "grocer-till").json["code"] == "scope-missing"
    open_yet = shop.get("grocer", f"{PERIODS}/2/papers/{GROCER}?paper=statement.csv")
    assert (open_yet.status_code, open_yet.json["code"]) == (409, "period-still-open")
    assert shop.get("grocer", f"{PAPERS}/{GROCER}").json["code"] == "malformed-field"
    assert paper(shop, "grocer", paper="lines").json["code"] == "malformed-field"


def test_a_paper_that_would_be_another_is_not_handed_out(shop: Shop) -> None:
    kept(shop)
    assert paper(shop, "grocer").status_code == 200
    assert paper(shop, "operator", with_check_digit("952010000077")).json["code"] == "merchant-unknown"
    with shop.serving.foundations.database.begin() as conn:
        told = func.replace(settlement_figures.c.body, "08" * 32, "09" * 32)
        conn.execute(update(settlement_figures).values(body=told))
    assert paper(shop, "grocer").json["code"] == "settlement-paper-differs"


def test_payouts_are_ordered_once_and_a_statement_of_the_bank_marks_them(any_shop: Shop) -> None:
    netted(any_shop)
    path = f"{PERIODS}/1/payment-orders"
    first = any_shop.must("operator", path, ORDER, key="o")
    assert (first["payouts"], any_shop.must("operator", path, ORDER, key="o")) == ([0], first)
    office = browser(any_shop, "operator")
    office.open("/settlement/papers")
    typed = {
        "deed": "order-payouts",
        "period": "1",
        "execution": ORDER["execution"],
        "accounts": json.dumps(ACCOUNTS),
    }
    fetched = office.send("/settlement/papers/order", **typed)
    assert (fetched.data, fetched.mimetype) == (b64decode(first["document"]), "application/xml")
    assert ALLIANCE.settlement_desk is not None
    reference = Reference(tag_of(ALLIANCE.chain_id, ALLIANCE.settlement_desk), 1, 0).text
    assert f"<EndToEndId>{reference}</EndToEndId>".encode() in b64decode(first["document"])
    booked = bank_statement(Told("123456", reference, "0.95", "USD", creditor="654321"), balances=False)
    body = {"statement": b64encode(booked).decode(), "accounts": ACCOUNTS}
    told = any_shop.must("operator", f"{PERIODS}/1/bank-statements", body, key="s")
    assert (told["paid_now"], told["open"], told["unmatched"]) == ([0], [], [])
    act = ("paid", 1, (0,), sha256(booked).digest())
    assert any_shop.registry.acts[-1] == act
    any_shop.must("operator", f"{PERIODS}/1/bank-statements", body, key="s")
    assert any_shop.registry.acts.count(act) == 1


def test_lines_with_a_pool_are_in_the_order_and_paid_by_the_same_statement(any_shop: Shop) -> None:
    """Paid beside the desk: the chain hears of the payout alone; a file that comes again marks nothing."""
    basis = {"programme_id": 1, "number": 1, "kind": 1, "reserve_bps": 0, "pool": int(FUEL)}
    with any_shop.serving.foundations.database.begin() as conn:
        conn.execute(insert(chain_basis).values(**basis, effective_from=1, block_number=1))
    netted(any_shop)
    ordered = any_shop.must("operator", f"{PERIODS}/1/payment-orders", ORDER)
    assert (ordered["payouts"], ordered["pools"]) == ([0], [1])
    document = b64decode(ordered["document"])
    assert b"<CtrlSum>1.30</CtrlSum>" in document  # 95 cents of the payout, 35 into the pool
    assert ALLIANCE.settlement_desk is not None
    tag = tag_of(ALLIANCE.chain_id, ALLIANCE.settlement_desk)
    payout, pool = (Reference(tag, 1, number).text for number in (0, POOLS_FROM + 1))
    assert f"<EndToEndId>{pool}</EndToEndId>".encode() in document

    def read(*bookings: Told) -> Any:
        body = {"statement": b64encode(bank_statement(*bookings, balances=False)).decode()}
        return any_shop.must("operator", f"{PERIODS}/1/bank-statements", {**body, "accounts": ACCOUNTS})

    of_pool = Told("123456", pool, "0.35", "USD", creditor="654321")
    wrong = read(replace(of_pool, amount="0.34"), replace(of_pool, reference=f"{pool}9"))
    assert (wrong["counts"], wrong["pools_open"]) == ({"no such payout": 1, "wrong amount": 1}, [1])
    both = (of_pool, Told("123456", payout, "0.95", "USD", creditor="654321"))
    told = read(*both)
    assert (told["paid_now"], told["pools_paid_now"], told["pools_open"]) == ([0], [1], [])
    again = read(*both[:1])
    assert (again["pools_paid_now"], again["pools_paid_before"]) == ([], [1])
    back = read(replace(of_pool, direction="CRDT"))
    assert [case["programme"] for case in back["pool_cases"]] == [1]
    with any_shop.serving.foundations.database.read() as conn:
        paid = off_desk_payment.c
        (row,) = conn.execute(select(paid.payer, paid.payee, paid.minor)).all()
    assert tuple(row) == (int(GROCER), int(FUEL), 35)
    assert any_shop.get("fuel", f"{PERIODS}/1/pools").json["pools"][0]["payment"]["paid"]


def test_in_default_the_custodian_s_account_is_debited(any_shop: Shop) -> None:
    netted(any_shop)
    now = seconds_floor(any_shop.serving.clock.now())
    with any_shop.serving.foundations.database.begin() as conn:
        row = {"merchant": int(GROCER), "block_number": 1, "log_index": 0, "reserve_micros": 0, "as_of": 0,
               "stale_from": 0, "required_bps": 0, "default_from": now}  # fmt: skip
        conn.execute(insert(chain_reserve).values(row))
    path = f"{PERIODS}/1/payment-orders"
    assert any_shop.post("operator", path, ORDER).json["code"] == "reserve-account-missing"
    trust = {**ACCOUNTS[0], "name": "Trust", "account": "777777", "purpose": "reserve"}
    document = any_shop.must("operator", path, {**ORDER, "accounts": [*ACCOUNTS, trust]})["document"]
    assert b"<UltmtDbtr>" in b64decode(document)
    assert b"777777" in b64decode(document)
    assert b"123456" not in b64decode(document)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("payment-orders", {**ORDER, "execution": "2017-02-30"}, "malformed-field"),
    ("payment-orders", {**ORDER, "accounts": ACCOUNTS[:1]}, "bank-account-missing"),
    ("payment-orders", {**ORDER, "accounts": [*ACCOUNTS, ACCOUNTS[0]]}, "bank-accounts-malformed"),
    ("payment-orders", {**ORDER, "charset": "latin"}, "bank-name-not-latin"),
    ("bank-statements", {"statement": "%", "accounts": ACCOUNTS}, "malformed-field"),
    ("bank-statements", {"statement": "PGE=", "accounts": ACCOUNTS}, "bank-statement-unreadable"),
    ("bank-statements", {"statement": "PGEvPg==", "accounts": ACCOUNTS}, "bank-statement-foreign"),
]


def test_what_no_bank_could_take_or_has_sent_marks_nothing(shop: Shop) -> None:
    netted(shop)
    before = list(shop.registry.acts)
    for path, body, code in REFUSED:
        assert shop.post("operator", f"{PERIODS}/1/{path}", body).json["code"] == code
        assert shop.post("grocer", f"{PERIODS}/1/{path}", body).json["code"] == "scope-missing"
        assert shop.post("operator", f"{PERIODS}/2/{path}", body).json["code"] in (
            "period-not-published", "malformed-field", "bank-accounts-malformed"
        )  # fmt: skip
    assert shop.registry.acts == before


@pytest.mark.parametrize(
    ("changes", "attempt", "code"),
    [
        ({"root": None}, 1, "period-not-netted"),
        ({"payouts": []}, 1, "nothing-to-pay"),
        ({"payouts": [{**STANDING["payouts"][0], "paid": True}]}, 2, "nothing-to-pay"),
    ],
)
def test_an_order_without_anything_to_pay_is_refused(
    shop: Shop, changes: dict[str, Any], attempt: int, code: str
) -> None:
    netted(shop, **changes)
    answer = shop.post("operator", f"{PERIODS}/1/payment-orders", {**ORDER, "attempt": attempt})
    assert answer.json["code"] == code


def test_the_page_shows_what_a_merchant_s_key_signs_and_how_to_check_it(shop: Shop) -> None:
    settled(shop)
    with shop.serving.foundations.database.begin() as conn:
        standings.note(conn, 1, 9, STANDING)
    page = browser(shop, "grocer").open("/merchant/settlement/1").text
    own: dict[str, Any] = next(one for one in STANDING["merchants"] if one["merchant"] == GROCER)
    form = page[page.index("/merchant/settlement/1/confirm") :]
    signed = form[: form.index("</form>")]
    for part in ("Alliance Settlement: Confirmation", GROCER, str(own["net_micros"]), STANDING["statements"]):
        assert part in signed
    assert all(part in signed for part in ("alliance settle statement --rpc URL", "--desk 0x"))
    # Who has confirmed sees that, and has no button to press again.
    assert ("<button>" in signed) is not own["confirmed"]
