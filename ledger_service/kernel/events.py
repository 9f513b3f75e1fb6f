"""What the chain tells the rooms: frozen facts that the indexer hands to the handlers of bootstrap."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperationMined:
    """An operation stands in a block; a reorg may still take it back."""

    op_id: bytes
    kind: int
    leaf: bytes
    batch: int
    index: int
    block_number: int
    period: int


@dataclass(frozen=True, slots=True)
class OperationFinal:
    """An operation stands at finality depth."""

    op_id: bytes
    batch: int


@dataclass(frozen=True, slots=True)
class OperationReorged:
    """A block with this operation left the chain; its batch is sent again with the same bytes."""

    op_id: bytes
    batch: int


@dataclass(frozen=True, slots=True)
class OperationSetAside:
    """The contract refuses this operation for good; the sale stands and D7 applies."""

    op_id: bytes
    kind: int
    reason: str


@dataclass(frozen=True, slots=True)
class HistoryTakenOver:
    """A block has what our keys had sent and this database did not know: it may be older than its chain."""


@dataclass(frozen=True, slots=True)
class PairTermsAgreed:
    """A version of an issuer's and an acceptor's own terms stands in the registry; value 0 ends them."""

    programme: int
    version: int
    acceptor: int
    effective_from: int
    point_value_micros: int
    fee_bps: int


@dataclass(frozen=True, slots=True)
class PairTermsGone:
    """A block with this version of a pair's terms left the chain."""

    programme: int
    version: int


@dataclass(frozen=True, slots=True)
class ConversionAgreed:
    """From an instant on points of a programme convert into the target's at this spread; 10,000: no more."""

    programme: int
    target: int
    number: int
    effective_from: int
    spread_bps: int


@dataclass(frozen=True, slots=True)
class ConversionGone:
    """A block with these conversion terms left the chain."""

    programme: int
    target: int
    number: int


@dataclass(frozen=True, slots=True)
class EndAnnounced:
    """A programme ends, and by which last version of its terms nothing more is issued.

    ``announced_at`` is the time of the block, in seconds.
    """

    programme: int
    target: int
    issues_until: int
    ends_at: int
    spread_bps: int
    version: int
    point_value_micros: int
    fee_bps: int
    validity_epochs: int
    announced_at: int


@dataclass(frozen=True, slots=True)
class EndGone:
    """A block with the announcement of this programme's end left the chain."""

    programme: int


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """What reserves allow to be issued is not what it was."""


@dataclass(frozen=True, slots=True)
class BesideJudged:
    """A contract beside the ClearingHouse has judged an operation: applied, or refused for a reason (D7)."""

    op_id: bytes
    target: str
    kind: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class BesideReorged:
    """A block with this operation left the chain; its batch is sent again, and judged again."""

    op_id: bytes
    target: str


Published = PairTermsAgreed | PairTermsGone | ConversionAgreed | ConversionGone | EndAnnounced | EndGone
OfOperation = OperationMined | OperationFinal | OperationReorged | OperationSetAside
Beside = BesideJudged | BesideReorged
ChainEvent = OfOperation | Published | LimitsChanged | HistoryTakenOver | Beside
