"""Gas per operation in batches of 200 with every check on, as the project states it."""

from __future__ import annotations

from collections.abc import Callable

from ledger_service.kernel.operations import Operation
from ledger_service.kernel.permits import FLAG_CUSTODIAL
from ledger_service.kernel.points import Leg
from tests.contracts.alliance import Alliance
from tests.contracts.parties import DAY, REGISTRY, Member
from tests.contracts.test_conversions import offer
from tests.contracts.test_pairs import agree

OPERATIONS = 200
TARGETS = {
    "issue, holder with that epoch": 13_000,
    "issue, new holder": 32_000,
    "redeem, used nonce word": 33_000,
    "redeem, new nonce word": 52_000,
    "redeem, used nonce word, 2 legs in one word": 40_000,
    "redeem, used nonce word, 2 legs in two words": 40_000,
    "redeem, used nonce word, 2 programmes": 40_000,
}


def _issue(alliance: Alliance, members: list[Member], programme: int = 1, epoch: int = 5) -> list[Operation]:
    return [alliance.issue(m, Leg(programme, 1, epoch, 100 + i)) for i, m in enumerate(members)]


def _redeem(alliance: Alliance, members: list[Member], legs: tuple[Leg, ...]) -> list[Operation]:
    return [alliance.redeem(m, alliance.merchants[2], legs) for m in members]


def measure(alliance: Alliance) -> dict[str, int]:
    """Gas per operation, rounded up, by the name of the case."""
    figures: dict[str, int] = {}
    members = [Member.numbered(1_000 + i) for i in range(OPERATIONS)]
    custodial = [Member.numbered(2_000 + i) for i in range(OPERATIONS)]

    def run(case: str, operations: list[Operation]) -> list[Operation]:
        gas = alliance.apply(*operations).receipt.gas
        figures[case] = -(-gas // len(operations))
        return operations

    run("signer, first of an account", [alliance.enrol(m) for m in members])
    alliance.apply(*(alliance.enrol(m, FLAG_CUSTODIAL) for m in custodial))
    run("issue, new holder", _issue(alliance, members))
    run("issue, holder with that epoch", _issue(alliance, members))
    run("issue, holder with another epoch of that word", _issue(alliance, members, epoch=6))
    alliance.apply(*_issue(alliance, members, epoch=8))
    alliance.apply(*_issue(alliance, members, programme=2))
    alliance.apply(*_issue(alliance, custodial))
    one, two, far, other = Leg(1, 1, 5, 10), Leg(1, 1, 6, 10), Leg(1, 1, 8, 10), Leg(2, 1, 5, 10)
    first = run("redeem, new nonce word", _redeem(alliance, members, (one,)))
    run("redeem, used nonce word", _redeem(alliance, members, (one,)))
    run("redeem, used nonce word, 2 legs in one word", _redeem(alliance, members, (one, two)))
    run("redeem, used nonce word, 2 legs in two words", _redeem(alliance, members, (one, far)))
    run("redeem, used nonce word, 2 programmes", _redeem(alliance, members, (one, other)))
    alliance.apply(*_redeem(alliance, custodial, (one,)))
    run("redeem, used nonce word, custodial", _redeem(alliance, custodial, (one,)))
    run("redeem whole balance, used nonce word", [
        alliance.redeem(m, alliance.merchants[2], (Leg(2, 1, 5, 90 + i),)) for i, m in enumerate(members)
    ])  # fmt: skip
    _measure_reversals(alliance, members, first, run)
    _measure_extensions(alliance, members, figures)
    _measure_pairs(alliance, members, run)
    _measure_conversions(alliance, members, figures)
    return figures


def _measure_reversals(
    alliance: Alliance, members: list[Member], first: list[Operation], run: Callable[..., object]
) -> None:
    run("restore, part of a leg", [alliance.restore(o, 0, 4) for o in first])
    run("restore, rest of a leg", [alliance.restore(o, 0, 6) for o in first])
    run("gift, holder with that epoch", [
        alliance.gift(m, members[i - 1].account, (Leg(1, 1, 5, 10),)) for i, m in enumerate(members)
    ])  # fmt: skip
    alliance.evm.now += 1
    earned = [
        alliance.placed[leaf].operation for leaf in list(alliance.placed) if _is_first_issue(alliance, leaf)
    ]
    run("claw back", [alliance.claw_back(o, (Leg(1, 1, 5, 1),)) for o in earned[:OPERATIONS]])
    alliance.evm.now += 200 * DAY
    run("expire", [alliance.expire(m, Leg(1, 1, 6, 90 + i)) for i, m in enumerate(members)])


def _measure_extensions(alliance: Alliance, members: list[Member], figures: dict[str, int]) -> None:
    for case, into in (("extend, to a new epoch", 12), ("extend, holder with that epoch", 12)):
        batch = [alliance.extend(m, Leg(1, 1, 8, 10), into) for m in members]
        figures[case] = -(-alliance.extended(*batch).receipt.gas // len(batch))


def _measure_conversions(alliance: Alliance, members: list[Member], figures: dict[str, int]) -> None:
    """Of two programmes at one value and two percent; twice into one epoch."""
    alliance.evm.now = offer(alliance)
    alliance.apply(*_issue(alliance, members, epoch=12))
    alliance.apply(*_issue(alliance, members, epoch=12))
    into = Leg(2, 1, 12, 196)
    for case in ("convert, into a new epoch", "convert, holder with that epoch"):
        batch = [alliance.convert(m, (Leg(1, 1, 12, 100),), into) for m in members]
        figures[case] = -(-alliance.converted(*batch).receipt.gas // len(batch))


def _is_first_issue(alliance: Alliance, leaf: bytes) -> bool:
    operation = alliance.placed[leaf].operation
    return operation.kind == 1 and operation.leg.programme == 1 and operation.leg.epoch == 5


def _measure_pairs(alliance: Alliance, members: list[Member], run: Callable[..., object]) -> None:
    """Redemptions of a programme one of whose acceptors has terms of its own, there and elsewhere."""
    alliance.evm.now = agree(alliance, acceptor=3)
    version = alliance.ask(REGISTRY, "lastVersion", 1, alliance.merchants[2].gln)[0]
    run("redeem, used nonce word, terms of the pair", _redeem(alliance, members, (Leg(1, version, 12, 1),)))
    leg = Leg(1, 1, 12, 1)
    elsewhere = [alliance.redeem(m, alliance.merchants[1], (leg,)) for m in members]
    run("redeem, used nonce word, beside terms of a pair", elsewhere)
