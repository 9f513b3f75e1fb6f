"""The clients that a seed may meet: what they can do and in which words they refuse."""

from __future__ import annotations

from dataclasses import dataclass, field


class Refused(Exception):
    """An error object of the node."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


@dataclass(frozen=True)
class Client:
    """One kind of node.

    ``automine``: every transaction gets its block at once. ``time_control``: blocks can be dated.
    ``holds_back``: mining can be switched off and on.
    """

    version: str
    words: dict[str, tuple[int, str]] = field(hash=False)
    automine: bool = False
    time_control: bool = False
    holds_back: bool = False
    fees: bool = True
    checks_fee: bool = True
    furthest_nonce: int = 64
    pool_most: int = 200

    def refusal(self, what: str) -> Refused:
        """The error object for a reason."""
        code, message = self.words[what]
        data = {"reason": message} if self.version.startswith("AllianceChain") else None
        return Refused(code, message, data)


GETH = Client("Geth/v1.16.4-stable/linux-amd64/go1.25", {
    "already-known": (-32000, "already known"), "nonce-too-low": (-32000, "nonce too low: next nonce 9"),
    "nonce-too-high": (-32000, "nonce too high"), "malformed": (-32000, "rlp: value size exceeds"),
    "replacement": (-32000, "replacement transaction underpriced"),
    "underpriced": (-32000, "transaction underpriced: tip 0"), "pool-full": (-32000, "txpool is full"),
})  # fmt: skip
BESU = Client("besu/v25.9.0/linux-x86_64/openjdk-java-21", {
    "already-known": (-32000, "Known transaction"), "nonce-too-low": (-32001, "Nonce too low"),
    "nonce-too-high": (-32006, "Nonce too high"), "malformed": (-32602, "Invalid transaction params"),
    "replacement": (-32000, "Replacement transaction underpriced"),
    "underpriced": (-32009, "Gas price below configured minimum gas price"),
    "pool-full": (-32000, "Transaction nonce is too distant from current sender nonce"),
}, furthest_nonce=4, pool_most=8)  # fmt: skip
ANVIL = Client("anvil/v1.7.1", {
    "already-known": (-32003, "transaction already imported"), "nonce-too-low": (-32003, "nonce too low"),
    "nonce-too-high": (-32003, "nonce too high"), "malformed": (-32602, "Failed to decode transaction"),
    "replacement": (-32003, "replacement transaction underpriced"),
    "underpriced": (-32003, "max fee per gas less than block base fee"),
    "pool-full": (-32003, "nonce too high"),
}, automine=True, time_control=True, holds_back=True)  # fmt: skip
OWN = Client("AllianceChain/1.0", {
    "already-known": (-32000, "already_known"), "nonce-too-low": (-32000, "nonce_too_low"),
    "nonce-too-high": (-32000, "nonce_too_far"), "malformed": (-32000, "malformed"),
    "replacement": (-32000, "replacement_underpriced"), "underpriced": (-32000, "replacement_underpriced"),
    "pool-full": (-32000, "pool_full"),
}, automine=True, time_control=True, fees=False)  # fmt: skip
CLIENTS = (GETH, BESU, ANVIL, OWN)
