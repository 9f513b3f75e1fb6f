"""Pure rules of owners: bank accounts, shares, and who owned a store at an instant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger_service.kernel.errors import MalformedField
from ledger_service.merchants.owners.errors import SharesNotWhole

WHOLE_BPS = 10_000
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BANK = re.compile(r"[A-Z0-9]{3,11}")
_ACCOUNT = re.compile(r"[0-9]{5,20}")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Either an IBAN, or a local account number with the code of its bank (SWIFT, or the national one)."""

    iban: str | None = None
    bank_code: str | None = None
    account_number: str | None = None

    @property
    def masked(self) -> str:
        """Its last four characters, for people who must tell accounts apart."""
        return "…" + (self.iban or self.account_number or "")[-4:]


@dataclass(frozen=True, slots=True)
class Share:
    """What one owner bears of a store, in basis points."""

    owner_id: str
    share_bps: int


def bank_account(iban: str | None, bank_code: str | None, account_number: str | None) -> BankAccount:
    """The account that was given; spaces within it do not count.

    Raises:
        MalformedField: neither or both kinds, a form that no account has, a wrong check number (ISO 13616).
    """
    if (iban is None) == (account_number is None):
        raise MalformedField("iban", "either an IBAN or an account number with its bank code")
    if iban is not None:
        text = _compact(iban)
        if bank_code is not None or not _IBAN.fullmatch(text) or not _checks(text):
            raise MalformedField("iban", "must be an IBAN whose check number is right, without a bank code")
        return BankAccount(iban=text)
    bank, account = _compact(bank_code or ""), _compact(account_number or "")
    if not _BANK.fullmatch(bank):
        raise MalformedField("bank_code", "must be 3 to 11 letters and digits")
    if not _ACCOUNT.fullmatch(account):
        raise MalformedField("account_number", "must be 5 to 20 digits")
    return BankAccount(bank_code=bank, account_number=account)


def check_shares(shares: Sequence[Share]) -> None:
    """Each owner stands once, and the shares are the whole.

    Raises:
        SharesNotWhole: not so.
    """
    total = sum(share.share_bps for share in shares)
    names = {share.owner_id for share in shares}
    if total != WHOLE_BPS or len(names) != len(shares) or any(share.share_bps < 1 for share in shares):
        raise SharesNotWhole(total)


def split(amount: int, shares: Sequence[Share]) -> Mapping[str, int]:
    """An amount by owner; the parts sum to it exactly, by largest remainder, of equal ones to the lower id.

    A negative amount is split as the positive one is, so what comes back takes back what was given.
    """
    sign = -1 if amount < 0 else 1
    parts = {s.owner_id: divmod(abs(amount) * s.share_bps, WHOLE_BPS) for s in shares}
    missing = abs(amount) - sum(whole for whole, _ in parts.values())
    first = sorted(parts, key=lambda owner: (-parts[owner][1], owner))[:missing]
    return {owner: sign * (whole + (owner in first)) for owner, (whole, _) in parts.items()}


def _compact(text: str) -> str:
    return text.replace(" ", "").upper()


def _checks(iban: str) -> bool:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
