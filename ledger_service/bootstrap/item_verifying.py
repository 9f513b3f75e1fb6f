"""An item's bundle against a chain, for whoever has a node and nothing of ours; and the log against both."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace

from ledger_service.bootstrap.chain_parts import node_of
from ledger_service.bootstrap.foundations import lay_foundations
from ledger_service.chain.client import Node
from ledger_service.chain.drawing import seen_block
from ledger_service.chain.issue_reading import points_issued
from ledger_service.chain.item_reading import ItemChain, batches_of
from ledger_service.config import Settings
from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gtin
from ledger_service.traceability.goods.codes import parse_serial
from ledger_service.traceability.log.auditing import LogAudit, audit_log
from ledger_service.traceability.prizes.rules import NO_PRIZE, Beacon, pool_of
from ledger_service.traceability.proofs.bundle import (
    Bundle,
    ClaimPart,
    Place,
    PrizePart,
    read_bundle,
)
from ledger_service.traceability.proofs.claim_rules import judge_claim, replaced_by
from ledger_service.traceability.proofs.reading import BundleUnreadable
from ledger_service.traceability.proofs.rules import (
    BatchWord,
    ChainWord,
    DrawWord,
    Finding,
    Standing,
    judge,
    standing_of,
)

_UNPAID = frozenset({"claim-unissued", "claim-differs", "contract-missing"})


@dataclass(frozen=True, slots=True)
class ItemAsk:
    """What is asked about an item: its code, the bundle's bytes, the contracts where the asker knows them.

    ``house``: the ClearingHouse whose events are searched for the points of its claim; None leaves them the
    ledger's word.
    """

    code: str
    bundle: bytes | None
    items: bytes | None = None
    log: bytes | None = None
    house: bytes | None = None


@dataclass(slots=True)
class ItemVerdict:
    """What came of it; ``facts`` are what the chain says beside it."""

    gtin: str
    serial: str
    findings: list[Finding] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    events: int = 0

    @property
    def standing(self) -> Standing:
        """What the findings come to."""
        return standing_of(self.findings)


def verify_item(node: Node, ask: ItemAsk) -> ItemVerdict:
    """Judge an item by the chain and a bundle, or tell by the chain alone what there is of its product.

    Raises:
        MalformedField: the code is none of an item.
        ChainUnavailable: the node does not answer.
    """
    gtin, serial = item_of_code(ask.code)
    verdict = ItemVerdict(gtin, serial)
    if ask.bundle is None:
        verdict.findings.append(Finding("no-bundle", "without a bundle nothing is proven of one item"))
        _tell_batches(node, verdict, ask.items)
        return verdict
    try:
        bundle = read_bundle(ask.bundle)
    except BundleUnreadable as odd:
        verdict.findings.append(Finding(odd.code, str(odd)))
        return verdict
    place = replace(
        bundle.place,
        item_registry=ask.items or bundle.place.item_registry,
        transparency_log=ask.log or bundle.place.transparency_log,
    )
    chain = ItemChain(node, place.item_registry, place.transparency_log, hex(node.head_number()))
    word = _word(chain, place, bundle)
    verdict.findings += judge(bundle, (gtin, serial), word)
    verdict.findings += replaced_by(bundle)
    if word.batch.count:
        verdict.findings += _of_claim(chain, bundle, word, ask.house)
    verdict.findings += _unnamed(ask, place)
    verdict.events = len(bundle.events)
    if word.batch.count and not any(one.code.startswith("prize-") for one in verdict.findings):
        _tell(verdict, chain, bundle, word, ask.house is not None)
    return verdict


def _of_claim(chain: ItemChain, bundle: Bundle, word: ChainWord, house: bytes | None) -> list[Finding]:
    if house is None:
        return []
    if not chain.node.code_at(house):
        return [Finding("contract-missing", "no contract stands at the address of the ClearingHouse")]
    issued = None
    if bundle.claim is not None:
        named = bundle.claim.operation
        since = chain.anchored_in(bundle.item.root) or 0
        # Claimed before its batch was anchored, it may have its points from before.
        for first in (since, 0):
            issued = points_issued(chain.node, house, {named}, first).get(named)
            if issued is not None:
                break
    return judge_claim(bundle, word.batch.claimed, issued)


def _unnamed(ask: ItemAsk, place: Place) -> list[Finding]:
    """Whoever makes up a bundle may put up contracts that agree with it: only those of the asker prove it."""
    if ask.items is not None and ask.log is not None:
        return []
    both = f"items 0x{place.item_registry.hex()} and log 0x{place.transparency_log.hex()}"
    told = f"{both} are the bundle's own word: name those that the alliance publishes"
    return [Finding("contracts-unnamed", told)]


def item_of_code(code: str) -> tuple[str, str]:
    """GTIN and serial of a Digital Link, or of ``GTIN/SERIAL``.

    Raises:
        MalformedField: it is neither.
    """
    if code.lower().startswith(("http://", "https://")):
        try:
            link = parse_digital_link(code)
        except LinkMalformed as error:
            raise MalformedField("code", f"is no GS1 Digital Link: {error}") from None
        ai, gtin = link.key
        serial = link.find("21")
        if ai != "01" or serial is None:
            raise MalformedField("code", "names no single item: it needs a GTIN and a serial")
        return parse_gtin(gtin, "code"), parse_serial(serial, "code")
    gtin, _, serial = code.partition("/")
    return parse_gtin(gtin, "code"), parse_serial(serial, "code")


def verify_log(settings: Settings, *, ask_node: bool) -> LogAudit:
    """Hold every stored event against the log, its checkpoints, and those that the chain has.

    Raises:
        NotFounded: the database holds no alliance yet.
        ChainUnavailable: the node does not answer.
    """
    foundations = lay_foundations(settings)
    try:
        published = None
        alliance = foundations.alliance
        if ask_node and alliance.item_registry is not None and alliance.transparency_log is not None:
            node = node_of(settings)
            with closing(node.transport):
                node.must_serve(alliance.chain_id)
                head = hex(node.head_number())
                chain = ItemChain(node, alliance.item_registry, alliance.transparency_log, head)
                published = chain.checkpoints()
        with foundations.database.snapshot() as conn:
            return audit_log(conn, published)
    finally:
        foundations.close()


def _word(chain: ItemChain, place: Place, bundle: Bundle) -> ChainWord:
    nothing = BatchWord(0, 0, 0, claimed=False, void=False, of_lot=False)
    chain_id = chain.node.chain_id
    if chain_id != bundle.place.chain_id or not chain.stands():
        return ChainWord(chain_id, place, False, nothing, bytes(32), bytes(32))
    item, log = bundle.item, bundle.log
    batch = chain.batch(item.root)
    marks = chain.marks(item.root, item.index) if item.index < batch.size else (False, False)
    roots = [bytes(32)] * 2 if log is None else [chain.root_of_size(s) for s in (log.size, log.last_size)]
    told = BatchWord(batch.owner, batch.gtin, batch.size, *marks, chain.has_lot(item.root, item.lot))
    prize = bundle.prize
    draw = None if prize is None or prize.block is None else draw_word(chain, item.root, prize.block)
    return ChainWord(chain_id, place, True, told, roots[0], roots[1], draw)


def draw_word(chain: ItemChain, root: bytes, block: Beacon) -> DrawWord | None:
    """What the chain says of the block that is said to have drawn; None where it lacks it or the root."""
    anchored, seen = chain.anchored_in(root), seen_block(chain.node, block.number)
    if anchored is None or seen is None:
        return None
    return DrawWord(anchored, seen.hash, seen.stamps)


def _tell(verdict: ItemVerdict, chain: ItemChain, bundle: Bundle, word: ChainWord, asked: bool) -> None:
    item, batch = bundle.item, word.batch
    verdict.facts.append(
        f"item {item.index} of {batch.count:,}, anchored by {gln_text(batch.owner)} for lot {item.lot}"
    )
    if bundle.log is not None:
        verdict.facts.append(
            f"{len(bundle.events)} events in the checkpoint of {bundle.log.size:,};"
            f" the log has {chain.last_size():,} by now"
        )
    if batch.claimed:
        account = chain.claimer(item.root, item.index)
        verdict.facts.append(f"claimed once, by account {'0x' + account.hex() if account else 'unknown'}")
    else:
        verdict.facts.append("never claimed")
    if bundle.claim is not None:
        shown = None if not asked else not any(one.code in _UNPAID for one in verdict.findings)
        verdict.facts.append(_claim_text(bundle.claim, shown))
    if bundle.prize is not None:
        verdict.facts.append(_prize_text(bundle.prize))


def _claim_text(claim: ClaimPart, shown: bool | None) -> str:
    """``shown``: whether the chain has the issue; None where nobody asked it."""
    told = f"its claim gave {claim.points:,} points by operation 0x{claim.operation.hex()}"
    if claim.owed:
        told = f"{told}, {claim.owed:,} of them against a debt"
    if shown is None:
        return f"{told}; that is the ledger's word: --clearing-house asks the chain"
    issued = f"the chain has issued {claim.points - claim.owed:,}"
    return f"{told}; {issued if shown else 'the chain does not say so'}"


def _prize_text(prize: PrizePart) -> str:
    pool, block = pool_of(prize.pool), prize.block
    told = f"{pool.total} of {pool.size:,} items win in a draw"
    if block is None:
        return f"{told} that no block has made yet"
    told = f"{told} by block {block.number}"
    if prize.slot is None:
        return f"{told}; what this one drew shows when its claim is settled"
    number = prize.slot[1]
    if number == NO_PRIZE:
        return f"{told}; this one drew no prize"
    won = pool.prizes[number - 1]
    return f"{told}; this one drew {won.name} ({won.gives()}): {prize.state}"


def _tell_batches(node: Node, verdict: ItemVerdict, registry: bytes | None) -> None:
    found = batches_of(node, int(verdict.gtin), registry)
    for one in found:
        verdict.facts.append(
            f"lot {one.lot}: {one.size:,} items anchored by {gln_text(one.owner)}, root 0x{one.root.hex()},"
            f" in 0x{one.registry.hex()}"
        )
    if not found:
        verdict.findings.append(Finding("batch-missing", "nobody ever anchored a batch of this product"))
