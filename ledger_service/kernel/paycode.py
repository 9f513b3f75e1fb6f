"""The pay code: a member's signed spend permit as the text of a QR code, read strictly (D3, D4).

``AL1:`` and the base45 form of 111 bytes: version 1, alliance tag 4, account 20, nonce 8 (device
lane and counter), greatest value in micros 8, last valid second 5, signature 65. Every text that
is accepted is the only text of its permit, so nothing about it can be altered unseen.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ledger_service.kernel import base45
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode_errors import (
    PayCodeExpired,
    PayCodeForeign,
    PayCodeMalformed,
    PayCodeOfFormerHouse,
    PayCodeTooLongLived,
    PayCodeVersionUnknown,
)
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS, SpendPermit
from ledger_service.kernel.secp256k1 import SIGNATURE_BYTES, recover_address, sign_digest

MARKER = "AL1:"
FORMAT_VERSION = 1
LIFE_SECONDS = 60
_BYTES = 111
_TEXT_LENGTH = len(MARKER) + 167


@dataclass(frozen=True, slots=True)
class PayCode:
    """A spend permit, the alliance it names and the 65 signature bytes that came with it."""

    alliance_tag: bytes
    permit: SpendPermit
    signature: bytes

    @property
    def lane(self) -> int:
        """The device lane, upper half of the nonce."""
        return self.permit.nonce >> 32


def encode_pay_code(pay_code: PayCode) -> str:
    """The one text of a pay code, ready for a QR code in alphanumeric mode.

    Raises:
        ValueError: a member that does not fit its width.
    """
    permit = pay_code.permit
    parts = (pay_code.alliance_tag, permit.account, pay_code.signature)
    if [len(p) for p in parts] != [4, 20, SIGNATURE_BYTES]:
        raise ValueError("a member of the pay code has another width")
    try:
        numbers = (
            permit.nonce.to_bytes(8, "big")
            + permit.max_value_micros.to_bytes(8, "big")
            + permit.valid_until.to_bytes(5, "big")
        )
    except OverflowError:
        raise ValueError("a number of the pay code does not fit its width") from None
    head = bytes([FORMAT_VERSION]) + pay_code.alliance_tag + permit.account
    return MARKER + base45.encode(head + numbers + pay_code.signature)


def decode_pay_code(text: str) -> PayCode:
    """The pay code that ``encode_pay_code`` wrote as exactly this text; its signature is not checked yet.

    Raises:
        PayCodeMalformed: another marker, alphabet or length, or bytes after the end.
        PayCodeVersionUnknown: a well-formed text of a version that is not ours.
    """
    if not text.startswith(MARKER):
        raise PayCodeMalformed("marker")
    if len(text) > 2 * _TEXT_LENGTH:
        raise PayCodeMalformed("length")
    try:
        raw = base45.decode(text[len(MARKER) :])
    except ValueError:
        raise PayCodeMalformed("base45") from None
    if raw and raw[0] != FORMAT_VERSION:
        raise PayCodeVersionUnknown(raw[0])
    if len(raw) != _BYTES:
        raise PayCodeMalformed("length")
    permit = SpendPermit(
        account=raw[5:25],
        nonce=int.from_bytes(raw[25:33], "big"),
        max_value_micros=int.from_bytes(raw[33:41], "big"),
        valid_until=int.from_bytes(raw[41:46], "big"),
    )
    return PayCode(raw[1:5], permit, raw[46:])


def sign_pay_code(private_key: bytes, domain: Domain, permit: SpendPermit) -> PayCode:
    """The pay code that a device makes of its permit, offline, with its own key."""
    return PayCode(domain.tag, permit, sign_digest(private_key, domain.digest(permit.struct_hash())))


def check_validity(
    pay_code: PayCode, domain: Domain, accepted_at_seconds: int, former: Collection[bytes] = ()
) -> None:
    """The pay code is of this alliance and in its life at the acceptance time.

    A phone's clock may run ahead by the skew that the contract tolerates, not more.

    Args:
        pay_code: what was shown.
        domain: of the ClearingHouse in force.
        accepted_at_seconds: by the till's clock.
        former: the tags of those that were in force before.

    Raises:
        PayCodeForeign: the tag of another alliance.
        PayCodeOfFormerHouse: one of ``former``.
        PayCodeExpired: accepted after the last valid second.
        PayCodeTooLongLived: valid further ahead than its life and the clock skew allow.
    """
    if pay_code.alliance_tag != domain.tag:
        raise PayCodeOfFormerHouse if pay_code.alliance_tag in former else PayCodeForeign
    valid_until = pay_code.permit.valid_until
    if accepted_at_seconds > valid_until:
        raise PayCodeExpired(valid_until)
    latest = accepted_at_seconds + LIFE_SECONDS + CLOCK_SKEW_SECONDS
    if valid_until > latest:
        raise PayCodeTooLongLived(valid_until, latest)


def signer_of(pay_code: PayCode, domain: Domain) -> bytes | None:
    """The address whose key signed the permit, or None where the signature is no signature.

    Whether that address is an active signer of the account is the members room's to say.
    """
    return recover_address(domain.digest(pay_code.permit.struct_hash()), pay_code.signature)
