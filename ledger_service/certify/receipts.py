"""Whether a receipt is the service's own."""

from __future__ import annotations

from typing import Any

from ledger_service.certify.sandbox import Sandbox
from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.secp256k1 import keccak256, recover_address


def receipt_is_the_services(receipt: Any, sandbox: Sandbox) -> bool:
    """Whether the service's key has signed exactly this receipt."""
    if not isinstance(receipt, dict) or "signature" not in receipt:
        return False
    body = {name: value for name, value in receipt.items() if name != "signature"}
    try:
        signature = bytes.fromhex(str(receipt["signature"])[2:])
    except ValueError:
        return False
    return recover_address(keccak256(canonical_json(body)), signature) == sandbox.receipt_signer
