"""The draw of a prize pool, pure and published: which prize an item has, and how that is shown.

A pool of a batch of n items has n *slots*. Before anything is printed the operator's secret puts the prizes
into slots, and the root over the slots goes into the batch's own root. A block that comes later, with the
brand's share where it gave one, then says which item has which slot. Neither alone says who wins.

Both steps are permutations of 0 to n - 1: Feistel networks of eight rounds over HMAC-SHA256, walked along
until the number is below n (NIST SP 800-38G's principle; its modes need no key here that stays secret).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from ledger_service.kernel.canonical import canonical_json
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.merkle import hash_pair, verify
from ledger_service.kernel.secp256k1 import keccak256

FORMAT = "alliance-prize-pool"
# Of pools that give points alone, and of those that give a coupon.
VERSION, VERSION_WITH_COUPONS = 1, 2
MOST_KINDS = 20
MOST_PRIZES = 10_000
MOST_POINTS = 1_000_000
SECRET_BYTES = 32
NO_PRIZE = 0
# Between the last claim that counts and the opening of the secret: clocks of processes differ.
OPENED_AFTER_SECONDS = 3_600
_ROUNDS = 8
_TAG = keccak256(b"alliance prize pool v1")


@dataclass(frozen=True, slots=True)
class PrizeCoupon:
    """A coupon as a prize: a version of a definition of ``merchant`` (13 digits) with its terms' hash."""

    merchant: str
    code: str
    version: int
    terms: bytes

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"merchant": self.merchant, "code": self.code, "version": self.version,
                "terms": self.terms.hex()}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prize:
    """One kind of prize: ``count`` items of the batch give ``points`` each, or a coupon and no points."""

    name: str
    count: int
    points: int
    coupon: PrizeCoupon | None = None

    def document(self) -> dict[str, Any]:
        """What is hashed of it."""
        gives = {"points": self.points} if self.coupon is None else {"coupon": self.coupon.document()}
        return {"name": self.name, "count": self.count, **gives}

    def gives(self) -> str:
        """In words, for whoever verifies."""
        if self.coupon is None:
            return f"{self.points:,} points"
        return f"a coupon {self.coupon.code} of {self.coupon.merchant}, version {self.coupon.version}"


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as its brand defined it; its JSON is what was committed to.

    ``ends_at``, ``draws_at``: seconds since 1970. Claims after the one earn no prize; the other is the time
    before which no block draws, None for the block right behind the batch's root. ``share`` is SHA-256 of the
    brand's own secret, None where it gave none.
    """

    gtin: str
    lot: str
    size: int
    programme: str
    prizes: tuple[Prize, ...]
    ends_at: int
    draws_at: int | None = None
    share: bytes | None = None

    def document(self) -> dict[str, Any]:
        """What is hashed, as JSON."""
        return {
            "format": FORMAT, "version": self.version, "gtin": self.gtin, "lot": self.lot, "size": self.size,
            "programme": self.programme, "ends_at": self.ends_at, "draws_at": self.draws_at,
            "share": None if self.share is None else self.share.hex(),
            "prizes": [prize.document() for prize in self.prizes],
        }  # fmt: skip

    @property
    def version(self) -> int:
        """Of its JSON."""
        return VERSION if all(prize.coupon is None for prize in self.prizes) else VERSION_WITH_COUPONS

    def body(self) -> bytes:
        """Its one byte string (RFC 8785)."""
        return canonical_json(self.document())

    @property
    def total(self) -> int:
        """How many items win."""
        return sum(prize.count for prize in self.prizes)

    def kind_of(self, rank: int) -> int:
        """Which prize a rank has, from 1; 0 for none. The first prize has the first ranks."""
        for number, prize in enumerate(self.prizes, start=1):
            if rank < prize.count:
                return number
            rank -= prize.count
        return NO_PRIZE


@dataclass(frozen=True, slots=True)
class Beacon:
    """What neither side could choose: a block behind the batch's root, and the brand's opened share."""

    number: int
    hash: bytes
    share: bytes = b""

    @property
    def key(self) -> bytes:
        """What the items' permutation is keyed with."""
        return sha256(b"alliance prize draw v1" + self.hash + self.share).digest()


def pool_of(body: bytes) -> Pool:
    """A pool from its JSON.

    Raises:
        ValueError: it is none of this version, or no draw could be made of it.
    """
    try:
        told = orjson.loads(body)
        if told["version"] not in (VERSION, VERSION_WITH_COUPONS):
            raise ValueError(f"a pool of version {told['version']!r:.20}: a newer verifier is needed")
        prizes = tuple(_prize_of(prize) for prize in told["prizes"])
        share = None if told["share"] is None else bytes.fromhex(told["share"])
        pool = Pool(told["gtin"], told["lot"], told["size"], told["programme"], prizes, told["ends_at"],
                    told["draws_at"], share)  # fmt: skip
        if pool.body() != body or not _is_sound(pool):
            raise ValueError("not a pool of this version")
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
        raise ValueError("not a pool of this version") from None
    return pool


def _prize_of(told: Mapping[str, Any]) -> Prize:
    if "coupon" not in told:
        return Prize(told["name"], told["count"], told["points"])
    its = told["coupon"]
    terms = PrizeCoupon(its["merchant"], its["code"], its["version"], bytes.fromhex(its["terms"]))
    return Prize(told["name"], told["count"], 0, terms)


def _is_sound(pool: Pool) -> bool:
    numbers = [pool.size, pool.ends_at, pool.draws_at or 0]
    numbers += [prize.coupon.version for prize in pool.prizes if prize.coupon is not None]
    numbers += [number for prize in pool.prizes for number in (prize.count, prize.points)]
    counted = all(type(number) is int and number >= 0 for number in numbers)
    # Whoever made it up must not get further than here.
    counted = counted and type(pool.lot) is str and type(pool.gtin) is str
    counted = counted and pool.gtin.isascii() and pool.gtin.isdigit()
    return counted and 0 < pool.total <= pool.size and pool.total <= MOST_PRIZES


def secret_of(key: bytes) -> bytes:
    """The operator's secret of a pool, from the batch's key; opening it says nothing of the key."""
    return hmac.digest(key, b"prize secret v1", "sha256")


def salt_of_slot(secret: bytes, slot: int) -> bytes:
    """What keeps a slot's prize from being guessed before it is shown: 32 bytes."""
    return hmac.digest(secret, b"slot" + slot.to_bytes(8, "big"), "sha256")


def slot_leaf(slot: int, prize: int, salt: bytes) -> bytes:
    """A slot's leaf: ``keccak256(abi.encode(slot, prize, salt))``."""
    return keccak256(slot.to_bytes(32, "big") + prize.to_bytes(32, "big") + salt)


def slot_leaves(pool: Pool, secret: bytes, slots: range) -> Iterator[bytes]:
    """The leaves of some slots, in order."""
    won = _won_of(pool, secret)
    for slot in slots:
        yield slot_leaf(slot, won.get(slot, NO_PRIZE), salt_of_slot(secret, slot))


@lru_cache(maxsize=4)
def _won_of(pool: Pool, secret: bytes) -> Mapping[int, int]:
    # Every prize's slot. Kept: each step of a batch and each proof of one of its items asks anew.
    found = (permuted(secret, rank, pool.size, back=True) for rank in range(pool.total))
    return {slot: pool.kind_of(rank) for rank, slot in enumerate(found)}


def prize_op_id(item_id: int) -> bytes:
    """The id of what an item's prize issues: the same whoever claimed it, whenever (INV-7, INV-12)."""
    return derive_id("item-prize", item_id)


def pool_leaf(body: bytes, slots_root: bytes) -> bytes:
    """What stands beside the items in a batch's root: the pool's terms and its slots, 96 bytes hashed."""
    return keccak256(_TAG + keccak256(body) + slots_root)


def root_with_pool(items_root: bytes, leaf: bytes) -> bytes:
    """The root of a batch with a pool: the pool's leaf is the last sibling of each item's proof."""
    return hash_pair(items_root, leaf)


def slot_of(beacon: Beacon, index: int, size: int) -> int:
    """The slot that an item has drawn."""
    return permuted(beacon.key, index, size)


@lru_cache(maxsize=4)
def winners(pool: Pool, secret: bytes, beacon: Beacon) -> Mapping[int, int]:
    """The prize of each index that wins. Kept: whoever asks for a pool's bundle asks for all of them."""
    ranks = range(pool.total)
    slots = (permuted(secret, rank, pool.size, back=True) for rank in ranks)
    return {
        permuted(beacon.key, slot, pool.size, back=True): pool.kind_of(rank)
        for rank, slot in zip(ranks, slots, strict=True)
    }


def permuted(key: bytes, number: int, size: int, *, back: bool = False) -> int:
    """Where a permutation of 0 to ``size`` - 1 takes a number, or whence (``back``) it took it."""
    bits = max(1, ((size - 1).bit_length() + 1) >> 1)
    while True:
        number = _feistel(key, number, bits, back)
        if number < size:
            return number


def _feistel(key: bytes, number: int, bits: int, back: bool) -> int:
    mask = (1 << bits) - 1
    left, right = number >> bits, number & mask
    if back:
        left, right = right, left
    for turn in range(_ROUNDS - 1, -1, -1) if back else range(_ROUNDS):
        mixed = hmac.digest(key, bytes((turn,)) + right.to_bytes(8, "big"), "sha256")
        left, right = right, left ^ int.from_bytes(mixed[:8], "big") & mask
    if back:
        left, right = right, left
    return left << bits | right


def is_shown(root: bytes, opened: tuple[int, int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether an opened slot (number, prize, salt) is one of the committed ones."""
    return verify(slot_leaf(*opened), proof, root)


def is_share(pool: Pool, share: bytes) -> bool:
    """Whether this is the brand's secret that the pool commits to; none where it commits to none."""
    if pool.share is None:
        return share == b""
    return hmac.compare_digest(sha256(share).digest(), pool.share)


def is_drawing_block(pool: Pool, anchored: int, number: int, stamps: tuple[int, int]) -> bool:
    """Whether a block is the one that draws: the first behind the root that is not before ``draws_at``.

    Args:
        pool: whose.
        anchored: the number of the block that has the batch's root.
        number: of the block in question.
        stamps: the times of the block before it and of itself, in seconds.
    """
    if number <= anchored:
        return False
    if pool.draws_at is None:
        return number == anchored + 1
    before, own = stamps
    return own >= pool.draws_at and (number == anchored + 1 or before < pool.draws_at)


def tally(pool: Pool, given: Mapping[int, int], stopped: Mapping[int, int]) -> list[dict[str, Any]]:
    """The prizes with how many were given, and how many were stopped with their coupon."""
    return [
        {"prize": number, "name": p.name, "count": p.count, "points": p.points,
         "coupon": None if p.coupon is None else p.coupon.document(), "given": given.get(number, 0),
         "stopped": stopped.get(number, 0)}
        for number, p in enumerate(pool.prizes, start=1)
    ]  # fmt: skip
