"""The three operations of the CampaignDesk contract, and how the id of a reward follows from what it tells.

Nobody who reads a promise may learn who brought whom, so commitment and sale do not stand in it: two hashes
of them do, others for each role. Whoever has the evidence of a purchase computes both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import ClassVar

from ledger_service.kernel.beside import Codec, Proven, words_of
from ledger_service.kernel.ids import ID_BYTES, derive_id

TARGET = "campaigns"
DAY_SECONDS = 86_400
# The end of a campaign that has none yet.
OPEN_END = 2**40 - 1


class CampaignKind(IntEnum):
    """The kind word of the contract's operations."""

    OPEN = 1
    PROMISE = 2
    RETURN = 3


class RewardRole(IntEnum):
    """Whom a reward is for, as the contract numbers it; ``SECOND`` alone is of the second level (INV-14)."""

    NEWCOMER = 1
    SHARER = 2
    MILESTONE = 3
    SECOND = 4

    @property
    def text(self) -> str:
        """As rewards name it."""
        return self.name.lower()


def attribution_of(commitment: bytes, role: RewardRole) -> bytes:
    """32 bytes that say who brought whom to nobody who lacks the commitment."""
    return sha256(b"share attribution" + commitment + role.text.encode()).digest()


def purchase_of(commitment: bytes, sale_id: bytes, role: RewardRole) -> bytes:
    """32 bytes that name the purchase to nobody who lacks the commitment."""
    return sha256(b"share purchase" + commitment + sale_id + role.text.encode()).digest()


def reward_id_of(commitment: bytes, sale_id: bytes, role: RewardRole) -> bytes:
    """The 16-byte id of a promised reward's issue: what ``ICampaignDesk.rewardId`` answers."""
    attribution, purchase = attribution_of(commitment, role), purchase_of(commitment, sale_id, role)
    return derive_id("share reward", attribution, purchase, role.text)


def promise_id_of(reward_id: bytes, attempt: int = 0) -> bytes:
    """The id of the operation that promises a reward; that of its issue is the reward's own.

    ``attempt`` counts promises of it that the contract refused before.
    """
    return derive_id("share promise", reward_id, *([attempt] if attempt else []))


def return_id_of(reward_id: bytes, attempt: int = 0) -> bytes:
    """The id of the operation that says that a reward went back; ``attempt`` as that of a promise."""
    return derive_id("share return", reward_id, *([attempt] if attempt else []))


def day_of(second: int) -> int:
    """00:00 UTC of the day of an instant, in seconds since 1970."""
    return second - second % DAY_SECONDS


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """A campaign rewards sales from ``begins`` until ``ends`` (seconds).

    So many levels (``depth``), and within so many points (``budget``). Said again it may only raise the
    budget or end earlier.
    """

    kind: ClassVar[CampaignKind] = CampaignKind.OPEN
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    campaign: bytes
    programme: int
    budget: int
    depth: int
    begins: int
    ends: int

    @property
    def needs(self) -> frozenset[int]:
        """The campaign."""
        return frozenset((_number(self.campaign),))

    @property
    def writes(self) -> frozenset[int]:
        """The campaign: promises stand behind it."""
        return frozenset((_number(self.campaign),))

    def words(self) -> bytes:
        """What its merchant signs."""
        numbers = (self.programme, self.budget, self.depth, self.begins, self.ends)
        return words_of(self, _left(self.campaign), *numbers)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class PromiseReward:
    """A reward is promised to an account (20 bytes) within its campaign; ``reward`` is its issue's id.

    ``sold_on`` is ``day_of`` the sale; ``attribution`` and ``purchase`` are the hashes of that role.
    """

    kind: ClassVar[CampaignKind] = CampaignKind.PROMISE
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    campaign: bytes
    reward: bytes
    role: int
    account: bytes
    points: int
    sold_on: int
    attribution: bytes
    purchase: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The campaign, and the reward, which must be new."""
        return frozenset((_number(self.campaign), _reward(self.reward)))

    @property
    def writes(self) -> frozenset[int]:
        """The campaign's budget, and the reward."""
        return frozenset((_number(self.campaign), _reward(self.reward)))

    def words(self) -> bytes:
        """What its merchant signs."""
        head = (_left(self.campaign), _left(self.reward), self.role, self.account, self.points, self.sold_on)
        return words_of(self, *head, self.attribution, self.purchase)

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class ReturnReward:
    """A promised reward went back with its goods, before it was issued or after, once for ever.

    ``campaign`` is not signed: the contract knows it by the reward.
    """

    kind: ClassVar[CampaignKind] = CampaignKind.RETURN
    original_op_id: ClassVar[None] = None
    op_id: bytes
    merchant: int
    accepted_at: int
    reward: bytes
    campaign: bytes

    @property
    def needs(self) -> frozenset[int]:
        """The reward."""
        return frozenset((_reward(self.reward),))

    @property
    def writes(self) -> frozenset[int]:
        """The reward, and the campaign's budget, which later promises may need."""
        return frozenset((_reward(self.reward), _number(self.campaign)))

    def words(self) -> bytes:
        """What the campaign's merchant signs."""
        return words_of(self, _left(self.reward))

    def witness(self, original: Proven | None) -> tuple[bytes, ...]:
        """Nothing."""
        return ()


def _left(identifier: bytes) -> bytes:
    """An id as the contract has it: left-aligned in a word.

    Raises:
        ValueError: no 16 bytes.
    """
    if len(identifier) != ID_BYTES:
        raise ValueError(f"an id has {ID_BYTES} bytes")
    return identifier.ljust(32, b"\0")


def _number(campaign: bytes) -> int:
    return int.from_bytes(campaign, "big")


def _reward(reward: bytes) -> int:
    """A reward among all that the contract keeps; beyond every campaign's own number."""
    return int.from_bytes(reward, "big") | 1 << 256


CampaignOperation = OpenCampaign | PromiseReward | ReturnReward
CODEC = Codec((OpenCampaign, PromiseReward, ReturnReward))
