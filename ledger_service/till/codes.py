"""What a till judges of a pay code and of its allowance without asking: all but nonce and balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.money import exponent_of, micros_of_minor
from ledger_service.kernel.otp import looks_like_digits
from ledger_service.kernel.paycode import check_validity, decode_pay_code, signer_of
from ledger_service.kernel.permits import acceptance_struct_hash
from ledger_service.kernel.secp256k1 import keccak256, recover_address, sign_digest
from ledger_service.till.book import Book
from ledger_service.till.folder import Enrolment
from ledger_service.till.lines import to_pay_minor
from ledger_service.till.refusals import TillRefused


@dataclass(frozen=True, slots=True)
class Taken:
    """A spend that the till may answer for: its value in micros, under which version of the allowance."""

    value_micros: int
    version: int


def permit_digest(enrolment: Enrolment, pay_code: str) -> bytes:
    """The digest that the member's device signed.

    Raises:
        PayCodeMalformed, PayCodeVersionUnknown: not a pay code.
    """
    return enrolment.domain.digest(decode_pay_code(pay_code).permit.struct_hash())


def learn_signer(book: Book, enrolment: Enrolment, body: dict[str, Any]) -> None:
    """The service has taken the sale's pay code, so its key was one of the member's."""
    code = (body.get("member") or {}).get("pay_code")
    if code is None or looks_like_digits(code):
        return
    pay_code = decode_pay_code(code)
    signer = signer_of(pay_code, enrolment.domain)
    if signer is not None:
        book.learn(pay_code.permit.account, signer)


def acceptance(enrolment: Enrolment, key: bytes, digest: bytes, at: int) -> dict[str, Any]:
    """When the till took the code, under its own signature (D3)."""
    signature = sign_digest(key, enrolment.domain.digest(acceptance_struct_hash(digest, at)))
    return {"accepted_at": format_instant(instant_of_seconds(at)), "signature": "0x" + signature.hex()}


def judge_spend(book: Book, enrolment: Enrolment, body: dict[str, Any], at: int) -> Taken:
    """The spend may be taken without asking.

    Raises:
        TillRefused: the code is none, not of this alliance, not signed, not in its life or taken before; or
            the allowance or its statement does not reach.
    """
    code, spend = body["member"]["pay_code"], body["spend"]
    if not isinstance(spend, dict):
        raise TillRefused("needs-the-service", "points by programme are judged online only")
    value = spend["max_value_minor"]
    micros = micros_of_minor(value, exponent_of(enrolment.currency))
    if value > to_pay_minor(body):
        raise TillRefused("spend-exceeds-total")
    _judge_code(book, enrolment, code, micros, at)
    return Taken(micros, _judge_allowance(book, micros, at))


def _judge_code(book: Book, enrolment: Enrolment, code: str, micros: int, at: int) -> None:
    try:
        pay_code = decode_pay_code(code)
        check_validity(pay_code, enrolment.domain, at)
    except DomainError as refusal:
        raise TillRefused(refusal.code) from None
    signer = signer_of(pay_code, enrolment.domain)
    if signer is None:
        raise TillRefused("pay-code-altered")
    if enrolment.known_only and not book.knows(pay_code.permit.account, signer):
        raise TillRefused("pay-code-stranger", "this till has never seen a code of this phone accepted")
    if micros > pay_code.permit.max_value_micros:
        raise TillRefused("permit-value-exceeded")


def _judge_allowance(book: Book, micros: int, at: int) -> int:
    statement = book.statement
    if statement is None or not statement["version"]:
        raise TillRefused("allowance-unknown", "the merchant has set none, or the till has not heard of it")
    if at > _seconds(statement["valid_until"]):
        raise TillRefused("allowance-expired", "the statement is older than a day: let the till synchronise")
    left = allowance_left(book, at)
    if micros > left:
        raise TillRefused("allowance-exceeded", f"{left} micros are left of this window")
    return int(statement["version"])


def allowance_left(book: Book, at: int) -> int:
    """Micros that the till may still take in points in the window of an instant."""
    statement = book.statement
    if statement is None or not statement["window_seconds"]:
        return 0
    length = statement["window_seconds"]
    window = at // length
    counted = statement["used_micros"] if _seconds(statement["issued_at"]) // length == window else 0
    used = counted + book.spent_in(window * length, (window + 1) * length)
    return max(int(statement["allowance_micros"]) - used, 0)


def check_statement(enrolment: Enrolment, statement: dict[str, Any]) -> int:
    """The statement is the service's own, for this terminal; returns the second at which it was made.

    Raises:
        TillRefused: somebody else's, or altered.
    """
    body = {name: value for name, value in statement.items() if name != "signature"}
    signature = bytes.fromhex(str(statement.get("signature", ""))[2:])
    signer = recover_address(keccak256(canonical_json(body)), signature)
    if signer != bytes.fromhex(enrolment.receipt_signer[2:]) or body.get("terminal") != enrolment.terminal:
        raise TillRefused("statement-forged")
    return _seconds(str(body["issued_at"]))


def _seconds(text: str) -> int:
    return seconds_floor(parse_instant(text, "statement"))
