"""Files of bank accounts: both forms, and every row that is none refused by its number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger_service.kernel.gs1 import gln_text
from ledger_service.settlement.bank.accounts import COLUMNS, AccountsFile, BankAccount, is_iban
from ledger_service.settlement.bank.errors import BankAccountMissing, BankAccountsMalformed
from tests.unit.settlement.bank.banking import ACCOUNTS, A, B, C

ONE, TWO = gln_text(A), gln_text(B)
IBAN = "DE89 3704 0044 0532 0130 00"


def book(tmp_path: Path, content: str | bytes) -> AccountsFile:
    path = tmp_path / "accounts"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return AccountsFile(path)


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    told = "\ufeffmerchant,name,iban,account,bic,member,clearing\r\n"
    told += f"{ONE},Grocer,{IBAN.lower()},,cobadeffxxx,,\r\n"
    told += f"{gln_text(C)},书店,,6222021234567890123,,102100099996,CNAPS\r\n"
    found = book(tmp_path, told).accounts([A, C])
    rows = [{"merchant": ONE, "name": "Grocer", "iban": IBAN, "bic": "COBADEFFXXX"}]
    assert found[A] == book(tmp_path, json.dumps(rows)).accounts([A])[A]
    assert found[A] == BankAccount(A, "Grocer", iban=IBAN.replace(" ", ""), bic="COBADEFFXXX")
    assert found[C] == ACCOUNTS[C]


def test_a_merchant_without_a_row_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BankAccountMissing, match=TWO):
        book(tmp_path, f"merchant,name,iban\n{ONE},Grocer,{IBAN}\n").accounts([A, B])


def test_a_merchant_s_reserve_is_held_on_an_account_of_its_own(tmp_path: Path) -> None:
    told = f"merchant,name,iban,purpose\n{ONE},Grocer,{IBAN},\n{ONE},Trust,GB82WEST12345698765432,reserve\n"
    found = book(tmp_path, told)
    assert (found.accounts([A])[A].name, found.reserves([A, B])[A].name) == ("Grocer", "Trust")
    assert list(found.reserves([B])) == []
    for wrong in (told + f"{ONE},Bank,{IBAN},reserve\n", told.replace("reserve", "reverse")):
        with pytest.raises(BankAccountsMalformed):
            book(tmp_path, wrong)


_WRONG_ROWS = (
    "{one},G,DE88370400440532013000,,,,,", "{one},G,,,,,,", "{one},G,{iban},123,,,,", "{one},G,,123,,,,",
    "{one},,{iban},,,,,", "9520100000011,G,{iban},,,,,", "{one},G,{iban},,NOBIC,,,",
    "{one},G\x01,{iban},,,,,",
    "{one},G,,<b>,COBADEFF,,,", "{one},G,,12,,1234,cnaps1,", "{one},G,{iban},,,,CNAPS,", "{one},G,{iban}",
    "{one},G,{iban},,,,,,,", '{one},"G,{iban},,,,,', "{one},G,{iban},,,,,\n{one},G,{iban},,,,,",
)  # fmt: skip
_NO_FILES = (
    b"\xff\xfe", b"[1]", b'[{"merchant": 1}]', b"[", b"[" * 100_000, b"name,iban\nG,1\n",
    b"merchant,name,iban,secret\n1,2,3,4\n", b" " * (1 << 22) + b"x",
)  # fmt: skip


@pytest.mark.parametrize("row", _WRONG_ROWS)
def test_a_row_that_is_none_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(BankAccountsMalformed):
        book(tmp_path, f"{','.join(COLUMNS[:-1])}\n{row.format(one=ONE, iban=IBAN)}\n")


@pytest.mark.parametrize("content", _NO_FILES, ids=range(len(_NO_FILES)))
def test_what_is_no_file_of_accounts_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BankAccountsMalformed):
        book(tmp_path, content)


def test_the_examples_of_the_iban_registry_have_right_digits_and_no_neighbour_of_them_has() -> None:
    examples = "GB29NWBK60161331926819 FR1420041010050500013M02606 NO9386011117947 BE68539007547034"
    for iban in examples.split():
        assert is_iban(iban)
        assert not any(is_iban(iban[:-1] + c) for c in "0123456789" if c != iban[-1])
