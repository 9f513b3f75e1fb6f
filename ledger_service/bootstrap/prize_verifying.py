"""A prize pool's bundle against a chain, for whoever has a node and nothing of ours."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from ledger_service.bootstrap.item_verifying import draw_word
from ledger_service.chain.client import Node
from ledger_service.chain.issue_reading import points_issued
from ledger_service.chain.item_reading import ItemChain
from ledger_service.kernel.gs1 import gln_text
from ledger_service.traceability.prizes.rules import pool_of
from ledger_service.traceability.proofs.pool_bundle import PoolBundle, read_pool_bundle
from ledger_service.traceability.proofs.pool_rules import PoolWord, judge_issues, judge_pool
from ledger_service.traceability.proofs.reading import BundleUnreadable
from ledger_service.traceability.proofs.rules import BatchWord, Finding, Standing, standing_of


@dataclass(slots=True)
class PrizesVerdict:
    """What came of it; ``facts`` are what the draw says beside it."""

    findings: list[Finding] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """What the findings come to."""
        return standing_of(self.findings)


def verify_prizes(
    node: Node, raw: bytes, registry: bytes | None, house: bytes | None = None
) -> PrizesVerdict:
    """Judge a pool by the chain: its commitment, the block that drew, and at the end every winner.

    Args:
        node: of the chain.
        raw: the bundle.
        registry: the ItemRegistry that the asker trusts; None believes nothing.
        house: the ClearingHouse whose events are searched for the points of prizes; None leaves them the
            ledger's word.

    Raises:
        ChainUnavailable: the node does not answer.
    """
    verdict = PrizesVerdict()
    try:
        bundle = read_pool_bundle(raw)
    except BundleUnreadable as odd:
        verdict.findings.append(Finding(odd.code, str(odd)))
        return verdict
    at = registry or bundle.item_registry
    foreign = _foreign(node, bundle, at)
    if foreign is not None:
        verdict.findings.append(foreign)
        return verdict
    chain = ItemChain(node, at, at, hex(node.head_number()))
    verdict.findings += judge_pool(bundle, _word(chain, bundle))
    if house is not None and bundle.block is not None and not verdict.findings:
        verdict.findings += _of_issues(node, house, bundle, bundle.block.number)
    if registry is None:
        told = f"items 0x{at.hex()} is the bundle's own word: name the one that the alliance publishes"
        verdict.findings.append(Finding("contracts-unnamed", told))
    if not any(finding.code == "prize-pool-differs" for finding in verdict.findings):
        verdict.facts += _facts(bundle)
    return verdict


def _foreign(node: Node, bundle: PoolBundle, at: bytes) -> Finding | None:
    if bundle.chain_id != node.chain_id:
        return Finding("other-chain", f"the bundle is of chain {bundle.chain_id}")
    if bundle.item_registry != at:
        return Finding("other-contracts", "the bundle names another contract than was asked for")
    if not node.code_at(at):
        return Finding("contract-missing", "no contract stands at the address that the bundle names")
    return None


def _word(chain: ItemChain, bundle: PoolBundle) -> PoolWord:
    batch = chain.batch(bundle.root)
    of_lot = chain.has_lot(bundle.root, _lot(bundle))
    told = BatchWord(batch.owner, batch.gtin, batch.size, claimed=False, void=False, of_lot=of_lot)
    draw = None if bundle.block is None else draw_word(chain, bundle.root, bundle.block)
    indexes = [one.index for one in bundle.winners or () if one.index < batch.size]
    return PoolWord(told, draw, chain.marks_of(bundle.root, indexes))


def _of_issues(node: Node, house: bytes, bundle: PoolBundle, drawn_in: int) -> list[Finding]:
    """A prize is given after its draw, so that its issue is in the block that drew or behind it."""
    wanted = {one.operation for one in bundle.winners or () if one.operation is not None and one.points}
    if wanted and not node.code_at(house):
        return [Finding("contract-missing", "no contract stands at the address of the ClearingHouse")]
    return judge_issues(bundle, points_issued(node, house, wanted, drawn_in))


def _lot(bundle: PoolBundle) -> str:
    with suppress(ValueError):
        return pool_of(bundle.pool).lot
    return ""


def _facts(bundle: PoolBundle) -> list[str]:
    pool = pool_of(bundle.pool)
    facts = [f"{pool.total} of {pool.size:,} items win, of lot {pool.lot} by {gln_text(bundle.owner)}"]
    if bundle.block is not None:
        facts.append(f"drawn by block {bundle.block.number}, 0x{bundle.block.hash.hex()}")
    if bundle.winners is None:
        return facts
    for number, prize in enumerate(pool.prizes, start=1):
        states = Counter(one.state for one in bundle.winners if one.prize == number)
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        given = sum(one.points or 0 for one in bundle.winners if one.prize == number)
        owed = sum(one.owed for one in bundle.winners if one.prize == number)
        kinds = f"{prize.name}, {prize.gives()}: {prize.count} ({told})"
        issued = f"{kinds}; {given - owed:,} points issued"
        taken = f", {owed:,} more went against debts of winners" if owed else ""
        facts.append(kinds if prize.coupon is not None else issued + taken)
    return facts
