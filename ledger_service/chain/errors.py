"""What the chain room refuses, and the failures that its callers must tell apart."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ChainUnavailable(DomainError):
    """The node did not answer, or answered with nothing usable; asking again later is right."""

    method: str
    reason: str

    code = "chain-unavailable"
    category = Category.UNAVAILABLE
    why = "The chain's node cannot be reached or does not answer properly."
    fix = "Wait and try again; checkouts go on without the chain and catch up later."


@dataclass(eq=False)
class NodeRefusal(DomainError):
    """The node answered a call with an error object; ``failures`` says what it means."""

    method: str
    number: int
    message: str
    data: str | None = None
    reason: str | None = None

    code = "chain-node-refusal"
    category = Category.UNAVAILABLE
    why = "The chain's node refused a call."
    fix = "See the bridge's log for the call and the node's reason; the alarm names what to do."


@dataclass(eq=False)
class LyingNode(DomainError):
    """The node's answers contradict each other or our own signed batches; nothing was believed."""

    block: int
    reason: str

    code = "chain-node-inconsistent"
    category = Category.UNAVAILABLE
    why = "The node's answers contradict each other, so none of them was taken over."
    fix = "Check the node, or point the bridge at another one; it goes on by itself when the answers agree."


@dataclass(eq=False)
class WrongNetwork(DomainError):
    """The node serves another chain than the one this alliance was deployed on."""

    expected_chain_id: int
    actual_chain_id: int

    code = "chain-wrong-network"
    category = Category.UNAVAILABLE
    why = "The node serves another network than the one that holds this alliance's contracts."
    fix = "Set ALLIANCE_CHAIN_URL to a node of the right network."


@dataclass(eq=False)
class NoTimeControl(DomainError):
    """Replay was asked for on a network whose blocks cannot be dated (D16)."""

    client: str

    code = "chain-no-time-control"
    category = Category.UNAVAILABLE
    why = "Replay dates blocks by the data's clock, and this network does not let anyone do that."
    fix = "Replay on the local chain or on anvil, or leave replay mode."


@dataclass(eq=False)
class LeadershipLost(DomainError):
    """Another bridge leads now; what this one was about to write was not written."""

    holder: str

    code = "chain-not-leader"
    category = Category.CONFLICT
    why = "Only one bridge works on a database at a time, and another one holds the lead."
    fix = "Nothing; this bridge stands by and takes over when the other one's lease ends."


@dataclass(eq=False)
class SendingKeyGone(DomainError):
    """Custody no longer holds the key of an address that has transactions on the way."""

    signer: str

    code = "chain-sending-key-gone"
    category = Category.UNAVAILABLE
    why = "Transactions of a former sending key are in no block yet, and nobody can sign for it any more."
    fix = "Give the key back (`alliance signer former-key NAME`) until `alliance rotate` finds none left."


@dataclass(eq=False)
class AdminRefused(DomainError):
    """A deployment or administration step was refused by the contract or failed in a block."""

    step: str
    reason: str

    code = "chain-admin-refused"
    category = Category.REFUSED
    why = "The contract refused a step of deployment or administration."
    fix = "Read `reason`, correct the input and run the same command again; finished steps are not repeated."


@dataclass(eq=False)
class HouseNeverInForce(DomainError):
    """The ClearingHouse that a reader gave is none of the registry's line."""

    clearing_house: str

    code = "chain-house-never-in-force"
    category = Category.REFUSED
    why = "The registry never put this ClearingHouse in force, so its word counts for nothing."
    fix = "Give the addresses that `GET /v1/alliance` tells; any house of the line will do."


@dataclass(eq=False)
class RootsApart(DomainError):
    """A ClearingHouse and its successor answer differently at one block."""

    block: int
    former: str
    successor: str

    code = "chain-roots-apart"
    category = Category.REFUSED
    why = "The new ClearingHouse does not answer what the one in force answers, so it must not follow it."
    fix = "Look for an act that was done on the new house alone (a closed period); create another one."


@dataclass(eq=False)
class MirrorsApart(DomainError):
    """Two indexes hold different blocks at one height: the chain changed while they were read."""

    block: int

    code = "chain-mirrors-apart"
    category = Category.UNAVAILABLE
    why = "The chain was reorganised while the two indexes were read."
    fix = "Run the comparison again."


@dataclass(eq=False)
class PeriodNotOpen(DomainError):
    """The period is later than the open one."""

    period: int
    open_period: int

    code = "period-not-open"
    category = Category.CONFLICT
    why = "The settlement period is not the open one; periods are closed one after the other."
    fix = "Close `open_period` first."


@dataclass(eq=False)
class CloseNotFinal(DomainError):
    """The block that closed the period may still be reorganised away."""

    period: int
    block: int
    final_block: int

    code = "period-close-not-final"
    category = Category.CONFLICT
    why = "Papers of `period` stand for good, published or locked; the block that closed it is not final yet."
    fix = "Try again when `final_block` has reached `block`."


@dataclass(eq=False)
class PeriodStillOpen(DomainError):
    """The period is not closed, so its figures still change."""

    period: int
    open_period: int

    code = "period-still-open"
    category = Category.CONFLICT
    why = "Papers are written of closed periods only: `period` is not closed, `open_period` is open."
    fix = "Close it first (`alliance settle close`), and let the index take that block over."


@dataclass(eq=False)
class PeriodUnknown(DomainError):
    """The period has not begun."""

    period: int

    code = "settlement-period-unknown"
    category = Category.MISSING
    why = "Settlement period `period` has not begun."
    fix = "List the periods with GET /v1/settlement/periods; they are numbered from 1."


@dataclass(eq=False)
class PeriodNotDrained(DomainError):
    """Something that was accepted before the cut-off is in no block yet (D12)."""

    period: int
    waiting: int

    code = "period-not-drained"
    category = Category.CONFLICT
    why = "Operations that were accepted before the period's cut-off are not in a block yet."
    fix = "Let the bridge carry the `waiting` operations to the chain, then close the period again."


@dataclass(eq=False)
class OperationUnknown(DomainError):
    """No operation for the chain has this id."""

    operation: str

    code = "operation-unknown"
    category = Category.MISSING
    why = "No operation for the chain has that id, or it is not one of yours."
    fix = "Use an id from `operations` of a sale, or the `operation` of an entry that the chain is shown."
