"""A bank's statement (ISO 20022 camt.053.001, versions 02 to 14), read as a stream in little memory.

The file is a stranger's. A document type, an entity, or a file that is too large or too deep is refused, and
one that breaks off is refused when its end does not come: nobody may act before the last booking came out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import BinaryIO
from xml.parsers.expat import ExpatError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser

from ledger_service.settlement.bank.accounts import plain_number
from ledger_service.settlement.bank.errors import (
    BankStatementForeign,
    BankStatementTooLarge,
    BankStatementTorn,
    BankStatementUnreadable,
)

MOST_BYTES = 64 << 20
_CHUNK = 1 << 16
_MOST_DEPTH = 64
_MOST_TEXT = 2_000
_MOST_CODE = 8
_DOCUMENT = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|1[0-4])\}Document")
_AMOUNT = re.compile(r"[0-9]{1,18}(\.[0-9]{0,5})?")
_STATEMENT = ("Document", "BkToCstmrStmt", "Stmt")
_ENTRY = (*_STATEMENT, "Ntry")
_DETAILS = (*_ENTRY, "NtryDtls", "TxDtls")
_BALANCE = (*_STATEMENT, "Bal")
# Opening booked, closed before (which is the next opening), closing booked.
_BALANCES = frozenset({"OPBD", "PRCD", "CLBD"})


@dataclass(frozen=True, slots=True)
class Booking:
    """One transaction of a statement, as the bank tells it; texts are empty where the bank says nothing.

    ``place`` is statement, entry and transaction, counted from 1. ``status`` is BOOK once it is booked.
    ``credit`` says which way money went on the statement's own account. ``returned`` is the bank's reason
    where it tells this as a return or reversal.
    """

    place: str
    account: str
    credit: bool
    status: str
    reference: str
    amount: Decimal | None
    currency: str
    creditor: str
    returned: str


class StatementReader:
    """Gives the bookings of a file one after the other; ``sha256`` is of the bytes that were read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, sha256()

    @property
    def sha256(self) -> bytes:
        """Of all bytes, once the last booking has come out."""
        return self._hash.digest()

    def bookings(self) -> Iterator[Booking]:
        """Every transaction of every statement, in the order of the file.

        Raises:
            BankStatementUnreadable: no whole plain XML document, or not of the form of a statement.
            BankStatementForeign: another message, or another version.
            BankStatementTooLarge: more than ``MOST_BYTES``.
            BankStatementTorn: bookings do not lead from the opening to the closing balance.
        """
        target = _Target()
        parser, size = XMLParser(target=target, forbid_dtd=True), 0
        place = parser.parser  # the parser lets go of it when it closes
        try:
            while chunk := self._file.read(_CHUNK):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise BankStatementTooLarge(MOST_BYTES)
                self._hash.update(chunk)
                parser.feed(chunk)
                yield from target.taken()
            parser.close()
        except DefusedXmlException as failure:
            raise BankStatementUnreadable(
                place.CurrentLineNumber, "declares a document type or entities"
            ) from failure
        except _Malformed as failure:
            raise BankStatementUnreadable(place.CurrentLineNumber, str(failure)) from failure
        except (ParseError, ExpatError, LookupError, ValueError) as failure:
            raise BankStatementUnreadable(place.CurrentLineNumber, "is no whole XML document") from failure
        yield from target.taken()


class _Malformed(Exception):
    """The document has not the form of a statement; the text says what it does."""


# Which texts of a transaction are kept, by their path below the entry.
_FIELDS = {
    ("Amt",): "amount", ("CdtDbtInd",): "direction", ("RvslInd",): "reversal",
    ("Sts",): "status", ("Sts", "Cd"): "status", ("Sts", "Prtry"): "status",
}  # fmt: skip
_DETAIL_FIELDS = {
    ("Refs", "EndToEndId"): "reference", ("Amt",): "amount", ("AmtDtls", "TxAmt", "Amt"): "amount_within",
    ("CdtDbtInd",): "direction",
    ("RltdPties", "CdtrAcct", "Id", "IBAN"): "creditor",
    ("RltdPties", "CdtrAcct", "Id", "Othr", "Id"): "creditor",
    ("RtrInf", "Rsn", "Cd"): "returned", ("RtrInf", "Rsn", "Prtry"): "returned",
}  # fmt: skip
_STATEMENT_FIELDS = {
    ("Id",): "id", ("Acct", "Id", "IBAN"): "account", ("Acct", "Id", "Othr", "Id"): "account",
    ("StmtPgntn", "PgNb"): "page", ("StmtPgntn", "LastPgInd"): "last_page",
}  # fmt: skip
_BALANCE_FIELDS = {
    ("Tp", "CdOrPrtry", "Cd"): "kind", ("Amt",): "amount", ("CdtDbtInd",): "direction",
}  # fmt: skip
_WANTED = {
    **{(*_ENTRY, *path): ("entry", name) for path, name in _FIELDS.items()},
    **{(*_DETAILS, *path): ("detail", name) for path, name in _DETAIL_FIELDS.items()},
    **{(*_STATEMENT, *path): ("statement", name) for path, name in _STATEMENT_FIELDS.items()},
    **{(*_BALANCE, *path): ("balance", name) for path, name in _BALANCE_FIELDS.items()},
}


class _Target:
    """What the parser tells, made into bookings; holds one statement's head and one entry at a time."""

    def __init__(self) -> None:
        self._path: tuple[str, ...] = ()
        self._text: list[str] | None = None
        self._length = 0
        self._told: dict[str, dict[str, str]] = {}
        self._ready: list[Booking] = []
        self._statements = self._entries = self._details = 0
        self._first: dict[str, str] | None = None
        self._balances: dict[str, Decimal] = {}
        self._sum = Decimal(0)

    def taken(self) -> list[Booking]:
        ready, self._ready = self._ready, []
        return ready

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._path and not _DOCUMENT.fullmatch(tag):
            raise BankStatementForeign(tag[:100])
        self._path = (*self._path, tag.rpartition("}")[2])
        if len(self._path) > _MOST_DEPTH:
            raise _Malformed(f"is nested more than {_MOST_DEPTH} deep")
        begin = _BEGINS.get(self._path)
        if begin:
            begin(self)
        wanted = _WANTED.get(self._path)
        self._text, self._length = ([], 0) if wanted else (None, 0)
        if wanted and "Ccy" in attributes:
            self._told[wanted[0]][f"{wanted[1]}_currency"] = attributes["Ccy"][:_MOST_CODE]
        if self._path == (*_DETAILS, "RtrInf"):
            self._told["detail"]["returned"] = "no reason"

    def data(self, text: str) -> None:
        if self._text is not None:
            self._length += len(text)
            if self._length > _MOST_TEXT:
                raise _Malformed(f"has a field of more than {_MOST_TEXT} characters")
            self._text.append(text)

    def end(self, tag: str) -> None:
        wanted = _WANTED.get(self._path)
        if wanted and self._text is not None:
            text = "".join(self._text).strip()
            if text:
                self._told[wanted[0]][wanted[1]] = text
        self._text = None
        finish = _ENDS.get(self._path)
        if finish:
            finish(self)
        self._path = self._path[:-1]

    def close(self) -> None:
        if not self._statements:
            raise _Malformed("holds no statement")

    def _begin_statement(self) -> None:
        self._statements += 1
        self._entries, self._sum, self._balances = 0, Decimal(0), {}
        self._told["statement"] = {}

    def _begin_entry(self) -> None:
        self._entries += 1
        self._details, self._first = 0, None
        self._told["entry"] = {}

    def _begin_detail(self) -> None:
        self._details += 1
        self._told["detail"] = {}

    def _begin_balance(self) -> None:
        self._told["balance"] = {}

    def _end_balance(self) -> None:
        told = self._told["balance"]
        if told.get("kind") in _BALANCES:
            self._balances[told["kind"]] = _signed(told)

    def _end_detail(self) -> None:
        told = self._told["detail"]
        told.setdefault("amount", told.get("amount_within", ""))
        told.setdefault("amount_currency", told.get("amount_within_currency", ""))
        if self._details == 1:
            # The one transaction of an entry may leave its amount to the entry: known at the entry's end.
            self._first = told
        else:
            self._ready.append(self._booking(self._details, told))

    def _end_entry(self) -> None:
        entry = self._told["entry"]
        if _status(entry) == "BOOK":
            self._sum += _signed(entry)
        told = self._first or {}
        if self._details <= 1 and not told.get("amount"):
            told |= {name: entry.get(name, "") for name in ("amount", "amount_currency")}
        self._ready.append(self._booking(1, told))

    def _booking(self, detail: int, told: dict[str, str]) -> Booking:
        entry, statement = self._told["entry"], self._told["statement"]
        reversed_ = "reversal" if entry.get("reversal") in ("true", "1") else ""
        return Booking(
            place=f"{self._statements}.{self._entries}.{detail}",
            account=plain_number(statement.get("account", "")),
            credit=_is_credit(told if "direction" in told else entry),
            status=_status(entry),
            reference=told.get("reference", ""),
            amount=_amount(told["amount"]) if told.get("amount") else None,
            currency=told.get("amount_currency", ""),
            creditor=plain_number(told.get("creditor", "")),
            returned=told.get("returned", reversed_),
        )

    def _end_statement(self) -> None:
        told, balances = self._told["statement"], self._balances
        opening = balances.get("OPBD", balances.get("PRCD"))
        whole = told.get("page", "1").lstrip("0") == "1" and told.get("last_page", "true") in ("true", "1")
        if opening is None or "CLBD" not in balances or not whole:
            return
        if opening + self._sum != balances["CLBD"]:
            name, closing = told.get("id", ""), balances["CLBD"]
            raise BankStatementTorn(name[:35], f"{closing:f}", f"{opening + self._sum:f}")


_BEGINS = {
    _STATEMENT: _Target._begin_statement, _ENTRY: _Target._begin_entry, _DETAILS: _Target._begin_detail,
    _BALANCE: _Target._begin_balance,
}  # fmt: skip
_ENDS = {
    _STATEMENT: _Target._end_statement, _ENTRY: _Target._end_entry, _DETAILS: _Target._end_detail,
    _BALANCE: _Target._end_balance,
}  # fmt: skip


def _status(entry: dict[str, str]) -> str:
    return entry.get("status", "")


def _is_credit(told: dict[str, str]) -> bool:
    if told.get("direction") not in ("CRDT", "DBIT"):
        raise _Malformed("has a booking that is neither a credit nor a debit")
    return told["direction"] == "CRDT"


def _signed(told: dict[str, str]) -> Decimal:
    amount = _amount(told.get("amount", ""))
    return amount if _is_credit(told) else -amount


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise _Malformed("has an amount that is no number")
    return Decimal(text)
