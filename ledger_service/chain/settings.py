"""What the bridge may be told; ``bootstrap`` fills it from the configuration."""

from __future__ import annotations

from dataclasses import dataclass

MOST_GAS_PER_TX = 16_777_216
MOST_ROWS = 256


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """Bounds of batches, window, fees and patience.

    Args:
        most_operations: operations in one batch at most.
        gas_budget: gas that a batch may need by our upper bounds; below the network's limit per transaction.
        most_bytes: calldata of a batch; public networks refuse transactions above 128 KiB.
        most_in_flight: batches that are sent and not yet in a block (R11).
        linger_seconds: how long a batch that is not full waits for company.
        confirmations: blocks on top of a block before it counts as final (R9).
        priority_fee_wei: tip per gas.
        fee_floor_wei: least bid per gas; 0 suits networks without fees.
        bump_percent: by how much a replacement bids more; pools ask for 10 or 12.5.
        resend_after_seconds: when the same bytes are sent again (R5).
        bump_after_seconds: when a transaction that no block takes is replaced by one that bids more.
        lease_seconds: how long a leader stays leader without a sign of life; whoever follows a killed one
            waits as long.
        blocks_per_read: blocks that the indexer asks for at once.
        replay: blocks are dated by the operations' acceptance times (D16).
        first_block: the mirror begins here; 0 but for networks that were there before us.
    """

    most_operations: int = 240
    gas_budget: int = 15_500_000
    most_bytes: int = 122_000
    most_in_flight: int = 8
    linger_seconds: float = 0.25
    confirmations: int = 0
    priority_fee_wei: int = 0
    fee_floor_wei: int = 0
    bump_percent: int = 13
    resend_after_seconds: float = 5.0
    bump_after_seconds: float = 60.0
    lease_seconds: float = 6.0
    blocks_per_read: int = 64
    replay: bool = False
    first_block: int = 0

    @property
    def ahead_seconds(self) -> int | None:
        """How much later than the oldest waiting operation a batch may be accepted; None for no bound.

        In replay, days pass while something is parked; the contract takes nothing older than seven (D3, D16).
        """
        return 5 * 86_400 if self.replay else None


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where this alliance's contracts stand."""

    clearing_house: bytes
    registry: bytes
