"""Bank accounts of merchants: where payouts come from and go to; a file of them, or whoever keeps them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.text import clean_text
from ledger_service.settlement.bank.errors import BankAccountMissing, BankAccountsMalformed

COLUMNS = ("merchant", "name", "iban", "account", "bic", "member", "clearing", "latin_name", "purpose")
# What an account is for: the merchant's own, where it pays from and is paid to; its custodian's, which holds
# its reserve; or the merchant's own, where what it receives goes to the owners of its stores.
OWN, RESERVE, OWNERS = "", "reserve", "owners"
PURPOSES = (OWN, RESERVE, OWNERS)
_NEEDED = {"merchant", "name"}
_MOST_BYTES = 1 << 22
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,33}")
_MEMBER = re.compile(r"[A-Za-z0-9]{1,35}")
_CLEARING = re.compile(r"[A-Z]{5}")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """One merchant's account: an IBAN, or another number at a bank that a BIC or a clearing member id names.

    ``clearing`` is the ISO code of the member id's clearing system (CNAPS, USABA); ``latin_name`` is what
    stands in files for banks that take Latin letters only. ``purpose`` is one of ``PURPOSES``; of a reserve's
    account the name is the custodian's.
    """

    merchant: int
    name: str
    iban: str = ""
    account: str = ""
    bic: str = ""
    member: str = ""
    clearing: str = ""
    latin_name: str = ""
    purpose: str = OWN

    @property
    def number(self) -> str:
        """What identifies the account, as it is compared."""
        return plain_number(self.iban or self.account)


class AccountBook(Protocol):
    """Where bank accounts of merchants are known."""

    def accounts(self, merchants: Iterable[int]) -> Mapping[int, BankAccount]:
        """The account of each of these merchants.

        Raises:
            BankAccountMissing: one of them has none.
        """

    def reserves(self, merchants: Iterable[int]) -> Mapping[int, BankAccount]:
        """The accounts that custodians hold the reserves of these merchants on, of those that are known."""


class AccountsGiven:
    """Fulfils ``AccountBook`` from rows with the names of ``COLUMNS``.

    Raises:
        BankAccountsMalformed: a row is no account, or names a merchant again for the same purpose.
    """

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self._known: dict[int, BankAccount] = {}
        self._reserves: dict[int, BankAccount] = {}
        for number, row in enumerate(rows, 1):
            account = _account_of(row, number)
            known = self._reserves if account.purpose == RESERVE else self._known
            if account.merchant in known:
                raise BankAccountsMalformed(number, "names a merchant for the second time")
            known[account.merchant] = account

    def accounts(self, merchants: Iterable[int]) -> Mapping[int, BankAccount]:
        """As ``AccountBook`` says."""
        found = {}
        for merchant in merchants:
            if merchant not in self._known:
                raise BankAccountMissing(gln_text(merchant))
            found[merchant] = self._known[merchant]
        return found

    def reserves(self, merchants: Iterable[int]) -> Mapping[int, BankAccount]:
        """As ``AccountBook`` says."""
        return {merchant: self._reserves[merchant] for merchant in merchants if merchant in self._reserves}


class AccountsFile(AccountsGiven):
    """As ``AccountsGiven`` from CSV with a header, or from a JSON list of objects with the same names."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise BankAccountsMalformed(0, f"is larger than {_MOST_BYTES} bytes")
        super().__init__(_rows(content))


def plain_number(text: str) -> str:
    """An account number without the spaces that people put into it, in capitals."""
    return "".join(text.split()).upper()


def is_iban(text: str) -> bool:
    """Whether the text is an IBAN with its right check digits (ISO 13616, modulo 97)."""
    if not _IBAN.fullmatch(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def is_bic(text: str) -> bool:
    """Whether the text has the form of a BIC (ISO 9362)."""
    return _BIC.fullmatch(text) is not None


def _rows(content: bytes) -> list[Mapping[str, str]]:
    try:
        text = content.decode("utf-8-sig")
        # orjson bounds how deep a file nests, whatever the interpreter would let it.
        found = orjson.loads(text) if text.lstrip().startswith("[") else list(_csv_rows(text))
    except (ValueError, csv.Error) as failure:
        raise BankAccountsMalformed(0, "is neither CSV nor JSON in UTF-8") from failure
    for number, row in enumerate(found, 1):
        if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
            raise BankAccountsMalformed(
                number, "is not an object of texts, or has too few or too many fields"
            )
        if not _NEEDED <= row.keys() <= set(COLUMNS):
            raise BankAccountsMalformed(number, f"may name {', '.join(COLUMNS)}, and must name the first two")
    return list(found)


def _csv_rows(text: str) -> Iterable[Mapping[str, str]]:
    return csv.DictReader(io.StringIO(text, newline=""), strict=True)


def _account_of(row: Mapping[str, str], number: int) -> BankAccount:
    told = {name: row.get(name, "").strip() for name in COLUMNS}
    for name in ("iban", "bic", "clearing"):
        told[name] = plain_number(told[name])
    wrong = _what_is_wrong(told)
    if wrong:
        raise BankAccountsMalformed(number, wrong)
    try:
        merchant = parse_gln(told.pop("merchant"), "merchant")
        told["name"] = clean_text(told["name"], "name", 140)
        told["latin_name"] = clean_text(told["latin_name"], "latin_name", 140, shortest=0)
    except MalformedField as refusal:
        raise BankAccountsMalformed(number, f"has a {refusal.field} that {refusal.reason}") from refusal
    return BankAccount(merchant, **told)


def _what_is_wrong(told: Mapping[str, str]) -> str:
    if bool(told["iban"]) == bool(told["account"]):
        return "must have either an IBAN or another account number"
    if told["purpose"] not in PURPOSES:
        return f"has a purpose that is none of {', '.join(filter(None, PURPOSES))}"
    if told["iban"] and not is_iban(told["iban"]):
        return "has an IBAN with wrong check digits or characters"
    for name, form in (("account", _NUMBER), ("bic", _BIC), ("member", _MEMBER), ("clearing", _CLEARING)):
        if told[name] and not form.fullmatch(told[name]):
            return f"has a {name} that is none"
    if told["account"] and not (told["bic"] or told["member"]):
        return "has an account number without a BIC or member id of its bank"
    return "has a clearing system without a member id" if told["clearing"] and not told["member"] else ""
