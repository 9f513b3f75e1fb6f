"""Why a witness signs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ChainRewritten(DomainError):
    """A block that stood, and perhaps was signed, is another one now."""

    block: int
    was: str
    now: str
    agreed: int

    code = "chain-rewritten"
    category = Category.CONFLICT
    why = "Block `block` was `was`, the node now says `now`; they agree up to `agreed`. Nothing was signed."
    fix = "Keep the statements: they prove it. Ask the operator and the other witnesses; see the runbook."


@dataclass(eq=False)
class ChainMisexecuted(DomainError):
    """The node's block is not what its transactions come to."""

    block: int
    told: str
    executed: str

    code = "chain-misexecuted"
    category = Category.CONFLICT
    why = "The node says that block `block` is `told`; executed anew its transactions come to `executed`."
    fix = "Nothing was signed. Compare with another node of the chain; see the runbook."


@dataclass(eq=False)
class ChainBehind(DomainError):
    """The node does not have the last block that this witness signed."""

    block: int
    head: int

    code = "chain-behind"
    category = Category.UNAVAILABLE
    why = "This witness signed block `block`, and the node has nothing above `head`."
    fix = "Wait until it has caught up. A chain that stays shorter has lost what was signed; see the runbook."


@dataclass(eq=False)
class HeaderForged(DomainError):
    """A header's hash, number or parent is not what it must be."""

    block: int
    reason: str

    code = "chain-header-forged"
    category = Category.CONFLICT
    why = "The node's block `block` is none that could stand there: `reason`."
    fix = "Nothing was signed. Compare with another node of the chain; see the runbook."
