"""Pure: what statements of several witnesses prove together, and who contradicts whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger_service.chain.witness.statements import EXECUTED, Statement

HashOf = Callable[[int], bytes | None]


@dataclass(frozen=True, slots=True)
class Told:
    """The chain that is judged: its id, its first block, and what stands at a height (None: nothing yet)."""

    chain_id: int
    genesis_hash: bytes
    hash_of: HashOf


@dataclass(frozen=True, slots=True)
class Finding:
    """What contradicts: fork, rewritten, other-chain or other-root; ``was`` and ``now`` are hashes."""

    kind: str
    block: int
    was: str
    now: str
    witnesses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Up to which block enough witnesses have signed this very chain; -1 where they have not.

    ``heights`` are the blocks that each witness vouches for, ``executed`` those who executed all of it,
    ``strangers`` the signers who are no witnesses, and ``ahead`` who signed blocks that the node lacks.
    """

    quorum: int
    block: int
    heights: Mapping[str, int]
    executed: tuple[str, ...]
    strangers: tuple[str, ...]
    ahead: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def reached(self) -> bool:
        """Whether enough have signed and nobody contradicts."""
        return self.block >= 0 and not self.findings


def judge(
    statements: Sequence[Statement], witnesses: Mapping[bytes, str], quorum: int, chain: Told
) -> Verdict:
    """Hold statements against the chain and against each other.

    Args:
        statements: whose signatures were checked when they were read.
        witnesses: names by address; whoever else signed counts for nothing.
        quorum: how many of them must have signed, at least 1.
        chain: what stands.
    """
    known = [one for one in statements if one.witness in witnesses]
    strangers = sorted({"0x" + one.witness.hex() for one in statements if one.witness not in witnesses})
    here = [
        one
        for one in known
        if (one.head.chain_id, one.head.genesis_hash) == (chain.chain_id, chain.genesis_hash)
    ]
    findings = [_elsewhere(one, witnesses, chain) for one in known if one not in here]
    findings += _forks(here, witnesses)
    heights: dict[str, int] = {}
    executed, ahead = set(), set()
    for one in here:
        name, stands = witnesses[one.witness], chain.hash_of(one.head.block_number)
        if stands is None:
            ahead.add(name)
        elif stands != one.head.block_hash:
            findings.append(_finding("rewritten", one, stands, (name,)))
        else:
            heights[name] = max(heights.get(name, -1), one.head.block_number)
            executed |= {name} if one.head.checks == EXECUTED else set()
    vouched = sorted(heights.values(), reverse=True)
    block = vouched[quorum - 1] if len(vouched) >= quorum else -1
    return Verdict(
        quorum, block, heights, tuple(sorted(executed)), tuple(strangers), tuple(sorted(ahead)),
        tuple(dict.fromkeys(findings)),
    )  # fmt: skip


def _elsewhere(one: Statement, witnesses: Mapping[bytes, str], chain: Told) -> Finding:
    return Finding(
        "other-chain", 0, f"{one.head.chain_id}:0x{one.head.genesis_hash.hex()}",
        f"{chain.chain_id}:0x{chain.genesis_hash.hex()}", (witnesses[one.witness],),
    )  # fmt: skip


def _forks(here: Iterable[Statement], witnesses: Mapping[bytes, str]) -> list[Finding]:
    """Two statements of one height that are not of one block, or not of one root of the ledger there."""
    first: dict[int, Statement] = {}
    rooted: dict[tuple[int, bytes], Statement] = {}
    found = []
    for one in here:
        head = one.head
        other = first.setdefault(head.block_number, one)
        who = tuple(sorted({witnesses[other.witness], witnesses[one.witness]}))
        if (other.head.block_hash, other.head.state_root) != (head.block_hash, head.state_root):
            found.append(_finding("fork", other, head.block_hash, who))
        same = rooted.setdefault((head.block_number, head.clearing_house), one)
        if (same.head.last_batch, same.head.batch_root) != (head.last_batch, head.batch_root):
            who = tuple(sorted({witnesses[same.witness], witnesses[one.witness]}))
            was, now = same.head.batch_root, head.batch_root
            found.append(Finding("other-root", head.block_number, "0x" + was.hex(), "0x" + now.hex(), who))
    return found


def _finding(kind: str, one: Statement, now: bytes, who: tuple[str, ...]) -> Finding:
    return Finding(kind, one.head.block_number, "0x" + one.head.block_hash.hex(), "0x" + now.hex(), who)
