"""The draw of a prize pool: a permutation that goes back, a pool that is one byte string, a block's turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson
import pytest

from ledger_service.chain.issue_reading import points_issued
from ledger_service.kernel.merkle import proof_of, root_of
from ledger_service.traceability.prizes import rules
from ledger_service.traceability.prizes.rules import Beacon, Pool, Prize
from ledger_service.traceability.proofs.pool_bundle import UNCLAIMED, PoolBundle, Winner, read_pool_bundle
from ledger_service.traceability.proofs.pool_rules import PoolWord, judge_issues, judge_pool
from ledger_service.traceability.proofs.rules import BatchWord, DrawWord

SECRET, SHARE = b"s" * 32, b"m" * 32
POOL = Pool("09506000134352", "L1", 50, "TEA", (Prize("one", 1, 100), Prize("two", 4, 5)), 1_800_000_000,
            None, sha256(SHARE).digest())  # fmt: skip
BLOCK = Beacon(7, b"h" * 32, SHARE)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 17, 100])
def test_a_permutation_reaches_every_number_once_and_goes_back(size: int) -> None:
    there = [rules.permuted(SECRET, number, size) for number in range(size)]
    assert sorted(there) == list(range(size))
    assert [rules.permuted(SECRET, number, size, back=True) for number in there] == list(range(size))


def test_every_item_wins_about_as_often_as_any_other() -> None:
    pool, times = Pool("1", "L", 6, "TEA", (Prize("one", 1, 1),), 1), [0] * 6
    for number in range(900):
        (index,) = rules.winners(pool, SECRET, Beacon(1, number.to_bytes(32, "big")))
        times[index] += 1
    assert all(100 < count < 200 for count in times)


def test_winners_are_what_each_item_drew_and_another_block_draws_others() -> None:
    won = rules.winners(POOL, SECRET, BLOCK)
    drawn = {
        index: POOL.kind_of(rules.permuted(SECRET, rules.slot_of(BLOCK, index, POOL.size), POOL.size))
        for index in range(POOL.size)
    }
    assert won == {index: prize for index, prize in drawn.items() if prize}
    assert sorted(won.values()) == [1, 2, 2, 2, 2]
    assert rules.winners(POOL, SECRET, BLOCK) is won, "anybody may ask, as often as it likes"
    for other in (Beacon(8, b"i" * 32, SHARE), Beacon(7, b"h" * 32, b"n" * 32)):
        assert rules.winners(POOL, SECRET, other) != won


def test_a_slot_is_shown_by_its_leaf_and_no_other_prize_is() -> None:
    leaves = list(rules.slot_leaves(POOL, SECRET, range(POOL.size)))
    assert [*rules.slot_leaves(POOL, SECRET, range(4))] == leaves[:4]
    slot = rules.slot_of(BLOCK, 3, POOL.size)
    prize, salt = POOL.kind_of(rules.permuted(SECRET, slot, POOL.size)), rules.salt_of_slot(SECRET, slot)
    root, proof = root_of(leaves), proof_of(leaves, slot)
    assert rules.is_shown(root, (slot, prize, salt), proof)
    assert not rules.is_shown(root, (slot, prize + 1, salt), proof)


@pytest.mark.parametrize(
    "change",
    [{"size": 4}, {"size": "50"}, {"draws_at": "soon"}, {"prizes": []}, {"version": 2}, {"share": "zz"},
     {"prizes": [{"name": "a", "count": -1, "points": 1}, {"name": "b", "count": 2, "points": 1}]},
     {"prizes": [{"name": "a", "count": 1.0, "points": 1}]}, {"gtin": None, "more": 1},
     {"gtin": "tea"}, {"gtin": None}, {"lot": 7}],
)  # fmt: skip
def test_only_the_one_byte_string_of_a_sound_pool_is_read(change: dict[str, object]) -> None:
    assert rules.pool_of(POOL.body()) == POOL
    with pytest.raises(ValueError):
        rules.pool_of(orjson.dumps(POOL.document() | change))


def test_a_block_has_its_turn_once() -> None:
    assert [rules.is_drawing_block(POOL, 5, n, (0, 9)) for n in (5, 6, 7)] == [False, True, False]
    later = Pool(**{f: getattr(POOL, f) for f in Pool.__slots__} | {"draws_at": 100})
    turns = [(6, (98, 99)), (6, (98, 100)), (9, (99, 100)), (9, (100, 101)), (5, (99, 100))]
    assert [rules.is_drawing_block(later, 5, *turn) for turn in turns] == [False, True, True, False, False]


def bundle_of(state: str = UNCLAIMED, pool: Pool = POOL) -> PoolBundle:
    slots = root_of(list(rules.slot_leaves(pool, SECRET, range(pool.size))))
    root = rules.root_with_pool(b"i" * 32, rules.pool_leaf(pool.body(), slots))
    won = sorted(rules.winners(pool, SECRET, BLOCK).items())
    listed = tuple(Winner(index, "S", prize, state) for index, prize in won)
    return PoolBundle(1, b"r" * 20, 7, root, b"i" * 32, pool.body(), slots, BLOCK, SECRET, listed)


def told_of(bundle: PoolBundle, *, of_lot: bool = True, claimed: int = -1) -> set[str]:
    batch = BatchWord(7, int(POOL.gtin), POOL.size, claimed=False, void=False, of_lot=of_lot)
    word = PoolWord(batch, DrawWord(6, BLOCK.hash, (1, 2)), {claimed: (True, False)})
    return {finding.code for finding in judge_pool(bundle, word)}


def test_a_pool_that_was_anchored_for_another_lot_is_none_of_this_one() -> None:
    assert told_of(bundle_of()) == set()
    assert told_of(bundle_of(), of_lot=False) == {"batch-differs"}


def test_what_was_issued_for_a_prize_is_read_again_and_is_what_its_terms_say() -> None:
    bundle = bundle_of()
    won = replace((bundle.winners or ())[0], state="given", points=1, operation=b"o" * 16, owed=1)
    told = replace(bundle, winners=(won, *(bundle.winners or ())[1:]))
    assert read_pool_bundle(orjson.dumps(told.document())) == told
    assert told_of(told, claimed=won.index) == {"prize-withheld"}
    whole = replace(won, points=POOL.prizes[won.prize - 1].points)
    told = replace(bundle, winners=(whole, *(bundle.winners or ())[1:]))
    assert told_of(told, claimed=won.index) == set()


def test_no_winner_is_listed_as_one_that_drew_nothing() -> None:
    for state, codes in (("none", {"prize-withheld"}), ("?", {"prize-withheld"}), ("lapsed", set())):
        assert told_of(bundle_of(state)) == codes


def test_the_share_is_the_one_that_was_committed_to() -> None:
    assert [rules.is_share(POOL, share) for share in (SHARE, b"n" * 32, b"")] == [True, False, False]


def test_a_prize_counts_as_given_where_the_chain_issued_its_points() -> None:
    a, b = b"a" * 16, b"b" * 16
    told = [
        Winner(1, "A", 1, "given", 100, a),
        Winner(2, "B", 2, "given", 5, b),
        Winner(3, "C", 2, UNCLAIMED),
    ]
    bundle = PoolBundle(1, b"", 7, b"", b"", b"", b"", BLOCK, SECRET, tuple(told))
    assert judge_issues(bundle, {a: 100, b: 5}) == []
    assert [f.code for f in judge_issues(bundle, {a: 100})] == ["prize-unissued"]
    assert [f.code for f in judge_issues(bundle, {a: 99, b: 5})] == ["prize-withheld"]
    # What an old debt of the winner took was never issued, all of it or in part; more than that is withheld.
    owing = replace(bundle, winners=(replace(told[0], owed=40), replace(told[1], owed=5)))
    assert judge_issues(owing, {a: 60}) == []
    assert [f.code for f in judge_issues(owing, {a: 100})] == ["prize-withheld"]
    # One issue stands for one prize.
    twice = replace(bundle, winners=(told[0], replace(told[0], index=4)))
    assert [f.code for f in judge_issues(twice, {a: 100})] == ["prize-withheld"]


@dataclass
class Blocks:
    """A node of 25,000 blocks, of which one has an issue; it notes what it was asked."""

    asked: list[tuple[int, int]]

    @property
    def transport(self) -> Blocks:
        return self

    def head_number(self) -> int:
        return 24_999

    def read(self, calls: Any) -> list[Any]:
        ((_, (wanted,)),) = calls
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.asked.append((first, last))
        words = 0, int.from_bytes(b"a" * 16 + bytes(16), "big"), 7, 100
        data = "0x" + b"".join(word.to_bytes(32, "big") for word in words).hex()
        (either,) = wanted["topics"]  # any of these in the first place
        issue = {"topics": either, "data": data, "blockNumber": "0x1"}
        return [[issue] if first <= 12_000 <= last else []]


def test_issues_are_looked_for_from_the_draw_on_until_all_are_found() -> None:
    blocks = Blocks([])
    assert points_issued(blocks, bytes(20), {b"a" * 16}, 500) == {b"a" * 16: 100}
    assert blocks.asked == [(500, 10_499), (10_500, 20_499)]
    assert points_issued(blocks, bytes(20), {b"b" * 16}, 20_500) == {}
