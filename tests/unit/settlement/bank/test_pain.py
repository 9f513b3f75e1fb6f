"""Payment orders: valid against the published schema, exact, and the same again."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import as_file, files
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.settlement.bank.charset import latin_name
from ledger_service.settlement.bank.errors import BankNameNotLatin, PayoutTooLarge
from ledger_service.settlement.bank.pain import NAMESPACE, Accounts, amount_text, payment_order
from ledger_service.settlement.bank.references import Reference, reference_of
from ledger_service.settlement.netting import Payout
from tests.unit.settlement.bank.banking import ACCOUNTS, CUSTODIAN, ORDER, TAG, A, B, C, D, lines

_NS = {"p": NAMESPACE}
OWN = Accounts(ACCOUNTS)


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of pain.001.001.09 as the package sepaxml carries it."""
    with as_file(files("sepaxml") / "schemas" / "pain.001.001.09.xsd") as path:
        return xmlschema.XMLSchema(path)


def texts(document: bytes, path: str) -> list[str]:
    return [e.text or "" for e in Xml.fromstring(document).iterfind(path, _NS)]


def test_an_order_is_valid_with_one_block_for_each_payer(schema: Any) -> None:
    document = payment_order(ORDER, lines(), OWN)
    schema.validate(io.BytesIO(document))
    assert texts(document, ".//p:PmtInf/p:Dbtr/p:Nm") == ["Grocer & Söhne", "Łódź Öl"]
    assert texts(document, ".//p:PmtInf/p:CtrlSum") == ["123.52", "1000000.00"]
    assert texts(document, ".//p:GrpHdr/p:CtrlSum") == ["1000123.52"]
    assert texts(document, ".//p:GrpHdr/p:NbOfTxs") == ["3"]
    assert texts(document, ".//p:EndToEndId") == [f"AL{TAG}P12I{n}" for n in range(3)]
    assert texts(document, ".//p:Cdtr/p:Nm") == ["Baker 麵包", "书店", "Baker 麵包"]
    assert texts(document, ".//p:ClrSysMmbId/p:MmbId") == ["102100099996"]
    assert texts(document, ".//p:ReqdExctnDt/p:Dt") == ["2026-03-02"] * 2


def test_in_default_the_custodian_is_debited_and_the_merchant_is_the_ultimate_debtor(schema: Any) -> None:
    document = payment_order(ORDER, lines(), Accounts(ACCOUNTS, {A: CUSTODIAN}))
    schema.validate(io.BytesIO(document))
    assert texts(document, ".//p:PmtInf/p:Dbtr/p:Nm") == ["Trust & Treuhand", "Łódź Öl"]
    assert texts(document, ".//p:DbtrAcct/p:Id/p:IBAN") == [CUSTODIAN.iban, ACCOUNTS[D].iban]
    assert texts(document, ".//p:PmtInf/p:UltmtDbtr/p:Nm") == ["Grocer & Söhne"]
    assert texts(document, ".//p:UltmtDbtr/p:Id/p:OrgId/p:Othr/p:Id") == [f"{A:013}"]
    assert texts(document, ".//p:PmtInf/p:CtrlSum") == ["123.52", "1000000.00"]
    assert b"UltmtDbtr" not in payment_order(ORDER, lines(), OWN)


def test_the_same_order_is_the_same_file_and_another_attempt_another_message() -> None:
    document = payment_order(ORDER, lines(), OWN)
    backwards = Accounts(dict(reversed(ACCOUNTS.items())))
    assert payment_order(ORDER, list(reversed(lines())), backwards) == document
    again = payment_order(replace(ORDER, attempt=2), lines(), OWN)
    assert texts(again, ".//p:MsgId") != texts(document, ".//p:MsgId")
    assert texts(again, ".//p:EndToEndId") == texts(document, ".//p:EndToEndId")


@pytest.mark.parametrize(("currency", "told"), [("JPY", "1234567"), ("EUR", "12345.67"), ("KWD", "1234.567")])
def test_amounts_have_the_digits_of_their_currency(schema: Any, currency: str, told: str) -> None:
    order = replace(ORDER, currency=currency)
    document = payment_order(order, lines([Payout(A, B, 1_234_567)]), OWN)
    schema.validate(io.BytesIO(document))
    assert texts(document, ".//p:InstdAmt") == texts(document, ".//p:GrpHdr/p:CtrlSum") == [told]


def test_an_amount_of_more_digits_than_the_schema_takes_is_refused() -> None:
    with pytest.raises(PayoutTooLarge):
        payment_order(ORDER, lines([Payout(A, B, 10**18)]), OWN)


def test_latin_names_are_transliterated_given_or_refused(schema: Any) -> None:
    latin = replace(ORDER, latin=True)
    document = payment_order(latin, lines([Payout(A, B, 1)]), OWN)
    schema.validate(io.BytesIO(document))
    assert texts(document, ".//p:Nm")[1:] == ["Grocer + Sohne", "Baker Mianbao"]
    assert latin_name("Łódź Öl // Æsir «1»") == "Lodz Ol / AEsir .1."
    with pytest.raises(BankNameNotLatin):
        payment_order(latin, lines([Payout(A, C, 1)]), OWN)


@given(st.text(max_size=200))
def test_a_latin_name_holds_what_every_bank_takes_or_is_none(name: str) -> None:
    told = latin_name(name)
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
    assert told is None or (set(told) <= allowed and 0 < len(told) <= 70 and "//" not in told)


@given(st.text(min_size=1, max_size=140), st.lists(st.integers(1, 10**17), min_size=1, max_size=5))
def test_any_name_and_amount_make_a_valid_order(schema: Any, name: str, amounts: list[int]) -> None:
    own, reserve = (replace(account, name=f"x{name}") for account in (ACCOUNTS[A], CUSTODIAN))
    accounts = Accounts({**ACCOUNTS, A: own}, {A: reserve})
    document = payment_order(ORDER, lines([Payout(A, B, minor) for minor in amounts]), accounts)
    schema.validate(io.BytesIO(document))
    assert sum(map(Decimal, texts(document, ".//p:InstdAmt"))) == Decimal(amount_text(sum(amounts), 2))


@given(st.from_regex(r"\A[0-9A-F]{8}\Z"), st.integers(1, 2**32 - 2), st.integers(0, 255))
def test_a_reference_comes_back_as_it_went_and_is_short_enough(tag: str, period: int, payout: int) -> None:
    reference = Reference(tag, period, payout)
    assert reference_of(reference.text) == reference_of(f" {reference.text.lower()} ") == reference
    assert len(reference.text) <= 35


@pytest.mark.parametrize("text", ["", "NOTPROVIDED", f"AL{TAG}P0I1", f"AL{TAG}P1I01", f"AL{TAG}P1I1X"])
def test_what_is_no_reference_of_ours_is_none(text: str) -> None:
    assert reference_of(text) is None


def test_the_execution_date_is_the_one_that_was_asked_for() -> None:
    document = payment_order(replace(ORDER, execution=date(2027, 1, 4)), lines(), OWN)
    assert set(texts(document, ".//p:ReqdExctnDt/p:Dt")) == {"2027-01-04"}
