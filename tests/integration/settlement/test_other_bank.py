"""Our orders and statements with a bank of somebody else's make (the package mock-bank), on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from ledger_service.settlement.bank.errors import BankStatementTorn
from ledger_service.settlement.bank.matching import Expected, Outcome
from ledger_service.settlement.bank.pain import Accounts, Order, payment_order
from ledger_service.settlement.netting import Payout
from tests.unit.settlement.bank.banking import ACCOUNTS, ORDER, A, B, D, expected, lines, outcome_of

TODAY = date(2026, 10, 5)
PAYOUTS = (Payout(A, B, 12_345), Payout(A, D, 7))


class OtherBank:
    """The payer's bank: takes orders, and gives statements when its days have passed."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: set[str] = set()

    def ask(self, verb: str, path: str, content: bytes | None = None) -> Any:
        return requests.request(verb, self.url + path, data=content, timeout=30).json()

    def order(self, order: Order) -> str:
        book = Accounts({**ACCOUNTS, A: self.payer})
        return str(self.ask("POST", "/payments", payment_order(order, lines(PAYOUTS), book))["status"])

    def behave(self, how: str) -> None:
        self.ask("PATCH", "/_mock/accounts/ACME", json.dumps({"behaviour": how}).encode())

    def statements_after(self, days: int) -> list[bytes]:
        """The statements with payments of ours that came since we asked last."""
        self.ask("POST", f"/_mock/advance?days={days}", b"")
        told = self.ask("GET", "/_mock/messages?type=camt.053")
        new = [m for m in told if m["id"] not in self.seen and ORDER.tag in m["body"]]
        self.seen |= {m["id"] for m in told}
        return [m["body"].encode() for m in new]

    @property
    def payer(self) -> Any:
        account = next(a for a in self.ask("GET", "/_mock/accounts") if a["id"] == "ACME")
        return replace(ACCOUNTS[A], iban=account["iban"], bic=account["bic"])

    def read(self, statement: bytes, paid: int = 0) -> Outcome:
        of: Expected = replace(expected(PAYOUTS, paid), accounts=Accounts({**ACCOUNTS, A: self.payer}))
        return outcome_of(statement, of)


@pytest.fixture
def bank() -> Iterator[OtherBank]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clock = ["--clock", f"{TODAY}T09:00", "--quiet"]
    process = subprocess.Popen([sys.executable, "-m", "mockbank", "--port", str(port), *clock])
    bank = OtherBank(port)
    try:
        for _ in range(300):
            try:
                bank.ask("GET", "/_mock/health")
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield bank
    finally:
        process.terminate()
        process.wait(30)


def test_another_s_bank_takes_our_order_once_and_its_statement_pays_it(bank: OtherBank) -> None:
    order = replace(ORDER, execution=TODAY, created=datetime(2026, 10, 5, tzinfo=UTC))
    assert bank.order(order) == "ACCP"
    assert bank.order(order) == "RJCT"
    (statement,) = bank.statements_after(3)
    outcome = bank.read(statement)
    assert (outcome.pay, outcome.unmatched) == ([0, 1], [])
    assert bank.read(statement, paid=0b11).before == [0, 1]


def test_what_another_s_bank_sends_back_is_a_case_and_a_hole_in_its_statement_is_seen(
    bank: OtherBank,
) -> None:
    order = replace(ORDER, execution=TODAY, created=datetime(2026, 10, 5, tzinfo=UTC))
    bank.behave("return-later")
    assert bank.order(order) == "ACCP"
    booked, returned = bank.statements_after(12)
    assert bank.read(booked).pay == [0, 1]
    assert [(case.payout, case.told) for case in bank.read(returned, paid=0b11).cases] == [
        (0, "AC04"),
        (1, "AC04"),
    ]
    assert bank.read(returned).pay == []
    bank.behave("statement-gap")
    assert bank.order(replace(order, attempt=2)) == "ACCP"
    (torn,) = bank.statements_after(3)
    with pytest.raises(BankStatementTorn):
        bank.read(torn)
