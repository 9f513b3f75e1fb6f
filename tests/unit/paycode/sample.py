"""One signed pay code and the checks that a till's request goes through before any database."""

from __future__ import annotations

from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.paycode import (
    LIFE_SECONDS,
    check_validity,
    decode_pay_code,
    encode_pay_code,
    sign_pay_code,
    signer_of,
)
from ledger_service.kernel.permits import SpendPermit, nonce_of
from ledger_service.kernel.secp256k1 import address_of_key

KEY = bytes(range(1, 33))
DOMAIN = Domain(31337, b"\xcc" * 20)
NOW = 1_790_000_000
PERMIT = SpendPermit(b"\xaa" * 20, nonce_of(3, 7), 25_000_000, NOW + LIFE_SECONDS)
TEXT = encode_pay_code(sign_pay_code(KEY, DOMAIN, PERMIT))


def accepts(text: str, at: int = NOW) -> bool:
    """Whether the checks that need no database let the text pass as KEY's."""
    try:
        code = decode_pay_code(text)
        check_validity(code, DOMAIN, at)
    except DomainError:
        return False
    return signer_of(code, DOMAIN) == address_of_key(KEY)
