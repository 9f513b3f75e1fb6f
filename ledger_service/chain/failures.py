"""The closed table of what a node may answer to a sent transaction, per client; each final or retryable (R6).

A message that no row knows is ``UNLISTED``: nothing is concluded from it, the same bytes are sent
again later, and it raises an alarm until somebody adds its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ledger_service.chain.errors import NodeRefusal


class Failure(Enum):
    """What the node's refusal means for the raw transaction; ``final`` says that its bytes can never be
    mined."""

    ALREADY_KNOWN = "already-known"
    NONCE_USED = "nonce-used"
    NONCE_AHEAD = "nonce-ahead"
    REPLACEMENT_TOO_CHEAP = "replacement-too-cheap"
    FEE_TOO_LOW = "fee-too-low"
    POOL_FULL = "pool-full"
    NO_FUNDS = "no-funds"
    NOT_READY = "not-ready"
    GAS_TOO_HIGH = "gas-too-high"
    GAS_TOO_LOW = "gas-too-low"
    MALFORMED = "malformed"
    NOT_ALLOWED = "not-allowed"
    UNLISTED = "unlisted"

    @property
    def final(self) -> bool:
        """Whether the same bytes can never be mined. A used nonce is settled by receipts, not by this
        table (R5)."""
        return self in (Failure.GAS_TOO_HIGH, Failure.GAS_TOO_LOW, Failure.MALFORMED)

    @property
    def needs_bump(self) -> bool:
        """Whether only a higher bid under the same nonce helps."""
        return self in (Failure.FEE_TOO_LOW, Failure.REPLACEMENT_TOO_CHEAP)


@dataclass(frozen=True, slots=True)
class Row:
    """One known refusal: JSON-RPC code (None: any), start of the lower-cased message, meaning."""

    number: int | None
    start: str
    failure: Failure


_GETH = (
    Row(-32000, "already known", Failure.ALREADY_KNOWN),
    Row(-32000, "known transaction", Failure.ALREADY_KNOWN),
    Row(-32000, "nonce too low", Failure.NONCE_USED),
    Row(-32000, "nonce too high", Failure.NONCE_AHEAD),
    Row(-32000, "gapped-nonce tx", Failure.NONCE_AHEAD),
    Row(-32000, "replacement transaction underpriced", Failure.REPLACEMENT_TOO_CHEAP),
    Row(-32000, "future transaction tries to replace pending", Failure.REPLACEMENT_TOO_CHEAP),
    Row(-32000, "transaction underpriced", Failure.FEE_TOO_LOW),
    Row(-32000, "max fee per gas less than block base fee", Failure.FEE_TOO_LOW),
    Row(-32000, "txpool is full", Failure.POOL_FULL),
    Row(-32000, "in-flight transaction limit reached", Failure.POOL_FULL),
    Row(-32000, "insufficient funds", Failure.NO_FUNDS),
    Row(-32000, "exceeds block gas limit", Failure.GAS_TOO_HIGH),
    Row(-32000, "transaction gas limit too high", Failure.GAS_TOO_HIGH),
    Row(-32000, "intrinsic gas too low", Failure.GAS_TOO_LOW),
    Row(-32000, "floor data gas too low", Failure.GAS_TOO_LOW),
    Row(-32000, "oversized data", Failure.GAS_TOO_HIGH),
    Row(-32000, "invalid sender", Failure.MALFORMED),
    Row(-32000, "invalid chain id", Failure.MALFORMED),
    Row(-32000, "rlp:", Failure.MALFORMED),
)
_ANVIL = (
    Row(-32003, "transaction already imported", Failure.ALREADY_KNOWN),
    Row(-32003, "nonce too low", Failure.NONCE_USED),
    Row(-32003, "nonce too high", Failure.NONCE_AHEAD),
    Row(-32003, "replacement transaction underpriced", Failure.REPLACEMENT_TOO_CHEAP),
    Row(-32003, "transaction underpriced", Failure.FEE_TOO_LOW),
    Row(-32003, "max fee per gas less than block base fee", Failure.FEE_TOO_LOW),
    Row(-32003, "insufficient funds", Failure.NO_FUNDS),
    Row(-32003, "intrinsic gas too low", Failure.GAS_TOO_LOW),
    Row(-32003, "intrinsic gas too high", Failure.GAS_TOO_HIGH),
    Row(-32003, "transaction gas limit", Failure.GAS_TOO_HIGH),
    Row(-32003, "max fee per gas", Failure.MALFORMED),
    Row(-32602, "", Failure.MALFORMED),
)
_BESU = (
    Row(-32000, "known transaction", Failure.ALREADY_KNOWN),
    Row(-32001, "nonce too low", Failure.NONCE_USED),
    Row(-32006, "nonce too high", Failure.NONCE_AHEAD),
    Row(-32000, "transaction nonce is too distant", Failure.NONCE_AHEAD),
    Row(-32000, "replacement transaction underpriced", Failure.REPLACEMENT_TOO_CHEAP),
    Row(-32009, "gas price below", Failure.FEE_TOO_LOW),
    Row(-32000, "transaction pool not enabled", Failure.NOT_READY),
    Row(-32008, "", Failure.NOT_READY),
    Row(-32004, "", Failure.NO_FUNDS),
    Row(-32005, "", Failure.GAS_TOO_HIGH),
    Row(-32003, "intrinsic gas", Failure.GAS_TOO_LOW),
    Row(-32002, "", Failure.MALFORMED),
    Row(-32602, "", Failure.MALFORMED),
    Row(-32007, "", Failure.NOT_ALLOWED),
)
# The project's own chain names its reason in a word of its own; its messages are for people.
_OWN_REASONS = {
    "already_known": Failure.ALREADY_KNOWN,
    "nonce_too_low": Failure.NONCE_USED,
    "nonce_too_far": Failure.NONCE_AHEAD,
    "replacement_underpriced": Failure.REPLACEMENT_TOO_CHEAP,
    "pool_full": Failure.POOL_FULL,
    "insufficient_funds": Failure.NO_FUNDS,
    "gas_limit_too_high": Failure.GAS_TOO_HIGH,
    "intrinsic_gas_too_low": Failure.GAS_TOO_LOW,
    "tip_above_fee_cap": Failure.MALFORMED,
    "initcode_too_long": Failure.GAS_TOO_HIGH,
    "nonce_max": Failure.MALFORMED,
    "wrong_chain": Failure.MALFORMED,
    "malformed": Failure.MALFORMED,
    "invalid_signature": Failure.MALFORMED,
    "unprotected": Failure.MALFORMED,
    "type_not_supported": Failure.MALFORMED,
    "oversized": Failure.GAS_TOO_HIGH,
    "sender_is_contract": Failure.NOT_ALLOWED,
}
_OWN_CLIENT = "alliancechain"
TABLES: dict[str, tuple[Row, ...]] = {"geth": _GETH, "anvil": _ANVIL, "besu": _BESU}


def classify(client_version: str, refusal: NodeRefusal) -> Failure:
    """What a refusal to take a raw transaction means.

    Args:
        client_version: the answer to ``web3_clientVersion``; its name up to the first slash picks
            the table, and an unknown client is judged by geth's.
        refusal: the node's error object.
    """
    client = client_version.split("/")[0].lower()
    if client == _OWN_CLIENT:
        return _OWN_REASONS.get(refusal.reason or "", Failure.UNLISTED)
    table = TABLES.get(client, _GETH)
    message = refusal.message.lower()
    for row in table:
        if row.number in (None, refusal.number) and message.startswith(row.start):
            return row.failure
    return Failure.UNLISTED
