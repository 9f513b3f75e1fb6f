"""Items on chain: one root a lot, each claimed at most once (INV-12), void for ever, proven by anybody."""

from __future__ import annotations

import json
import os

import pytest

from ledger_service.kernel.item_operations import CODEC, item_leaf, text_word
from ledger_service.kernel.secp256k1 import keccak256
from tests.contracts.alliance import Alliance
from tests.contracts.iteming import GTIN, LOT, Iteming, Items
from tests.contracts.test_gas import SNAPSHOT, TOLERANCE

DOCUMENT = SNAPSHOT.parents[1] / "docs" / "traceability-proofs.md"
CLAIM_TARGET = 30_000


@pytest.fixture
def items(alliance: Alliance) -> Iteming:
    return Iteming(alliance)


@pytest.fixture(scope="module")
def batch() -> Items:
    return Items(300)


@pytest.fixture
def anchored(items: Iteming, batch: Items) -> Items:
    items.applied(items.root(batch))
    items.alliance.evm.now += 60
    return batch


def test_an_item_is_claimed_once_and_the_batch_goes_on(items: Iteming, anchored: Items) -> None:
    first, again, other = items.claim(anchored, 129), items.claim(anchored, 129), items.claim(anchored, 130)
    assert items.apply(first, again, other) == [None, "ItemAlreadyClaimed", None]
    topic = keccak256(b"ItemClaimed(bytes32,uint32,address,bytes16)")
    event = next(log for log in items.receipt.logs if log.topics[0] == topic)
    assert event.topics[1:] == (
        anchored.root, (129).to_bytes(32, "big"), bytes(12) + first.account
    )  # fmt: skip
    items.refused("ItemAlreadyClaimed", items.claim(anchored, 130))
    claimed = [items.ask("isClaimed", anchored.root, at) for at in (128, 129, 130)]
    assert claimed == [False, True, True]
    assert items.ask("marksOf", anchored.root, 1) == 0b10100


def test_a_void_item_is_claimed_by_nobody_and_a_claimed_one_may_become_void(
    items: Iteming, anchored: Items
) -> None:
    items.applied(items.void(anchored, 0), items.claim(anchored, 1), items.void(anchored, 1))
    items.refused("ItemIsVoid", items.claim(anchored, 0), items.void(anchored, 1))
    assert items.ask("isVoid", anchored.root, 0)
    assert not items.ask("isClaimed", anchored.root, 0)
    assert items.ask("marksOf", anchored.root, 0) == 0b1110


def test_a_root_and_a_lot_are_anchored_once(items: Iteming, anchored: Items) -> None:
    items.refused("ItemRootKnown", items.root(anchored), items.root(anchored, lot=text_word("L-25")))
    items.refused("ItemLotAnchored", items.root(Items(3, "others")))
    rival = items.alliance.merchants[1].gln
    items.refused("ItemRootKnown", items.root(anchored, merchant=rival))
    assert items.ask("rootOfLot", items.owner.gln, GTIN, LOT) == anchored.root
    assert items.ask("itemBatch", anchored.root)[:2] == (items.owner.gln, GTIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"root": bytes(32)}, {"lot": bytes(32)}, {"count": 0}, {"count": (1 << 24) + 1}, {"gtin": 0},
        {"gtin": GTIN + 1}, {"gtin": 10**14 + 3},
    ],
)  # fmt: skip
def test_what_is_no_batch_is_not_anchored(items: Iteming, batch: Items, changes: dict[str, int]) -> None:
    items.refused("ItemBatchInvalid", items.root(batch, **changes))


def test_only_the_owner_claims_and_only_what_the_root_holds(items: Iteming, anchored: Items) -> None:
    rival = items.alliance.merchants[1].gln
    strange = (items.claim(anchored, 5, merchant=rival), items.void(anchored, 5, merchant=rival))
    items.refused("ItemBatchNotYours", *strange)
    items.refused("ItemUnknown", items.claim(anchored, 300), items.void(anchored, 2**40))
    items.refused("ItemBatchUnknown", items.claim(Items(3, "others"), 0))
    before = items.claim(anchored, 5, accepted_at=items.now - 61)
    items.refused("ItemBatchUnknown", before)
    items.refused("ItemAccountInvalid", items.claim(anchored, 5, account=bytes(20)))
    items.refused("ItemAccountInvalid", items.claim(anchored, 5, account=b"\1" * 32))


def test_words_of_no_kind_are_refused(items: Iteming, anchored: Items) -> None:
    claim = items.claim(anchored, 7)
    short, other = claim.words()[:-32], (9).to_bytes(32, "big") + claim.words()[32:]
    assert items.apply(claim, words=[short, other]) == ["OperationKindUnknown"] * 2


def test_anybody_proves_an_item_on_chain(items: Iteming, anchored: Items) -> None:
    serial, salt, proof = anchored.serials[200], anchored.salts[200], anchored.proof(200)
    assert item_leaf(200, f"{GTIN:014d}", f"{200:012d}", salt) == anchored.leaves[200]
    told = (serial, salt, proof)
    assert items.ask("isItem", anchored.root, 200, *told)
    assert not items.ask("isItem", anchored.root, 201, *told)
    assert not items.ask("isItem", anchored.root, 200, serial, bytes(32), proof)
    assert not items.ask("isItem", anchored.root, 200, serial, salt, proof[:-1])
    assert not items.ask("isItem", Items(3, "others").root, 200, *told)


def test_gas_of_items_is_as_committed(alliance: Alliance) -> None:
    """Set ALLIANCE_UPDATE_SNAPSHOT=1 to write the figures anew, and commit what changed with its reason."""
    items, batch, figures = Iteming(alliance), Items(6_500), dict[str, int]()
    items.applied(items.root(batch))
    figures["batch of items, any size"] = items.receipt.gas
    cases = (("claim, of a dense batch", 1_030, 1), ("claim, far from all others", 0, 128))
    for case, first, step in cases:
        items.applied(*(items.claim(batch, first + at * step) for at in range(50)))
        figures[case] = -(-items.receipt.gas // 50)
    items.applied(items.claim(batch, 500))
    figures["claim, alone in its batch"] = items.receipt.gas
    items.applied(*(items.void(batch, 2_000 + at) for at in range(50)))
    figures["item made void, of a dense batch"] = -(-items.receipt.gas // 50)
    committed = json.loads(SNAPSHOT.read_text())
    if os.environ.get("ALLIANCE_UPDATE_SNAPSHOT"):
        committed["items"] = figures
        SNAPSHOT.write_text(json.dumps(committed, indent=1) + "\n")
    told = committed["items"]
    assert told.keys() == figures.keys()
    assert all(abs(told[case] - gas) <= TOLERANCE for case, gas in figures.items()), figures
    assert figures["claim, of a dense batch"] <= CLAIM_TARGET


def test_the_documented_figures_are_the_snapshots() -> None:
    text = DOCUMENT.read_text()
    for case, gas in json.loads(SNAPSHOT.read_text())["items"].items():
        assert f"| {case} | {gas:,} |" in text


def test_serials_and_lots_are_words_of_ascii() -> None:
    assert text_word("A1") == b"A1".ljust(32, b"\0")
    for odd in ("", "x" * 33, "批"):
        with pytest.raises(ValueError, match=r"characters|ascii"):
            text_word(odd)


def test_operations_come_back_from_their_payloads(items: Iteming, batch: Items) -> None:
    for operation in (items.root(batch), items.claim(batch, 4), items.void(batch, 4)):
        assert CODEC.read(CODEC.payload_of(operation)) == operation
        assert operation.writes <= operation.needs
