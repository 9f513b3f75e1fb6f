"""Simulated tills: each signs, with a key of its own, at which second it took a pay code (D3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ledger_service.kernel.clock import format_instant, seconds_floor
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.paycode import decode_pay_code
from ledger_service.kernel.permits import acceptance_struct_hash
from ledger_service.kernel.secp256k1 import keccak256, sign_digest


def till_signing_key(seed: str, store_gln: str) -> bytes:
    """The 32-byte private key of a shop's till in this run; worthless outside it."""
    return keccak256(f"alliance-ledger demo till|{seed}|{store_gln}".encode())


def acceptance(seed: str, store_gln: str, domain: Domain, pay_code: str, at: datetime) -> dict[str, Any]:
    """The ``acceptance`` of a sale: when the till took the pay code, under its signature."""
    permit_digest = domain.digest(decode_pay_code(pay_code).permit.struct_hash())
    taken = domain.digest(acceptance_struct_hash(permit_digest, seconds_floor(at)))
    signature = sign_digest(till_signing_key(seed, store_gln), taken)
    return {"accepted_at": format_instant(at), "signature": "0x" + signature.hex()}
