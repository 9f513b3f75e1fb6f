"""How bank files are refused, each as a whole: of a file that is refused nothing was marked."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class BankAccountsMalformed(DomainError):
    """A file of bank accounts has a row that is none."""

    row: int
    reason: str

    code = "bank-accounts-malformed"
    category = Category.MALFORMED
    why = "In row `row` of the bank accounts something is wrong: it `reason`."
    fix = "Correct the row; docs/settlement.md lists the columns."


@dataclass(eq=False)
class BankAccountMissing(DomainError):
    """A merchant that pays or is paid has no bank account here."""

    merchant: str

    code = "bank-account-missing"
    category = Category.MISSING
    why = "`merchant` pays or is paid in this period, and the bank accounts do not name it."
    fix = "Add a row for the merchant to the bank accounts."


@dataclass(eq=False)
class ReserveAccountMissing(DomainError):
    """A merchant in default pays out of its reserve, and nobody says where the custodian holds it."""

    merchant: str

    code = "reserve-account-missing"
    category = Category.MISSING
    why = "`merchant` is in default, so its reserve pays, and no bank account is named that holds it."
    fix = "Add a row for the merchant with the custodian's account and `reserve` as its purpose."


@dataclass(eq=False)
class BankNameNotLatin(DomainError):
    """A name has letters that the bank's character set cannot express."""

    merchant: str

    code = "bank-name-not-latin"
    why = "The name of `merchant` has letters that cannot be written in the Latin set that was asked for."
    fix = "Fill in `latin_name` of the merchant's row, or write the file with `--charset unicode`."


@dataclass(eq=False)
class PayoutTooLarge(DomainError):
    """The amounts have more digits than a payment order takes."""

    payout: int

    code = "payout-too-large"
    why = "With `payout`, the largest, the amounts sum to more than the 18 digits that a payment order takes."
    fix = "Pay it by another way, and mark it with `alliance settle paid --payout`."


@dataclass(eq=False)
class PeriodNotNetted(DomainError):
    """The period's payouts are not fixed yet."""

    period: int

    code = "period-not-netted"
    category = Category.CONFLICT
    why = "The payouts of `period` do not stand on chain yet, so they may still change."
    fix = "Net the period first: `alliance settle net`."


@dataclass(eq=False)
class NothingToPay(DomainError):
    """No payout of the period is left to order."""

    period: int

    code = "nothing-to-pay"
    category = Category.CONFLICT
    why = "Every payout of `period` is marked as paid, or there never was one."
    fix = "Nothing has to be ordered."


@dataclass(eq=False)
class PayoutsPaidAlready(DomainError):
    """Some payouts of the period are paid, and the first order would pay them again."""

    period: int
    paid: int

    code = "payouts-paid-already"
    category = Category.CONFLICT
    why = "Of the payouts of `period`, `paid` are marked as paid; the first order holds all of them."
    fix = "Order the rest with `--attempt 2`."


@dataclass(eq=False)
class PayoutInParts(DomainError):
    """A payout goes to owners in several parts, and some of them may be paid: no file said so of all."""

    period: int
    payout: int

    code = "payout-in-parts"
    category = Category.CONFLICT
    why = "`payout` of `period` is paid in parts to owners; a further order would hold all of them again."
    fix = "Ask the bank which parts are booked, pay the others by hand, then mark it with `paid --payout`."


@dataclass(eq=False)
class BankStatementUnreadable(DomainError):
    """A file is no whole, plain XML document of the form of a statement."""

    line: int
    reason: str

    code = "bank-statement-unreadable"
    category = Category.MALFORMED
    why = "The statement cannot be read at `line`: it `reason`. Nothing of it was counted."
    fix = "Fetch the file from the bank again; it must be whole, and may have no document type or entities."


@dataclass(eq=False)
class BankStatementForeign(DomainError):
    """The document is no bank-to-customer statement."""

    message: str

    code = "bank-statement-foreign"
    category = Category.MALFORMED
    why = "The document is `message`, not a camt.053.001 statement of version 02 to 14."
    fix = (
        "Ask the bank for the end-of-day statement (camt.053), not for a report, a notification or a status."
    )


@dataclass(eq=False)
class BankStatementTooLarge(DomainError):
    """The file is larger than any statement that is read."""

    most_bytes: int

    code = "bank-statement-too-large"
    category = Category.TOO_LARGE
    why = "The statement is larger than `most_bytes` bytes."
    fix = "Ask the bank for a statement of fewer accounts or days."


@dataclass(eq=False)
class BankStatementTorn(DomainError):
    """A statement's bookings do not lead from its opening to its closing balance."""

    statement: str
    closing: str
    computed: str

    code = "bank-statement-torn"
    why = "The bookings of `statement` come to `computed`, and its closing balance is `closing`."
    fix = "A part of the file is missing or was changed: fetch it from the bank again."


@dataclass(eq=False)
class OwnersUntold(DomainError):
    """Whose store it was is not known of every redemption, so owners' money would go to the merchant."""

    merchant: str
    redemptions: int

    code = "owners-untold"
    category = Category.CONFLICT
    why = "Of `redemptions` at `merchant` no sale is here: a restore lost them, or an old archive has them."
    fix = "Leave `owners` out of the merchant's account and divide its receipt by an earlier paper of owners."
