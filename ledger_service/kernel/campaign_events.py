"""What a CampaignDesk tells: campaigns that were opened, rewards that were promised or went back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ledger_service.kernel.ids import ID_BYTES
from ledger_service.kernel.secp256k1 import keccak256


class CampaignTold(NamedTuple):
    """A campaign was opened, or opened again; ``begins`` and ``ends`` are seconds, ``ends`` the first
    behind it."""

    campaign: bytes
    merchant: int
    programme: int
    budget: int
    depth: int
    begins: int
    ends: int


class RewardTold(NamedTuple):
    """A reward was promised; ``sold_on`` is 00:00 UTC of the sale's day, in seconds."""

    reward: bytes
    campaign: bytes
    account: bytes
    role: int
    points: int
    sold_on: int
    attribution: bytes
    purchase: bytes


class ReturnTold(NamedTuple):
    """A reward went back; ``issued`` tells whether it had been issued by then."""

    reward: bytes
    points: int
    issued: bool


CampaignEvent = CampaignTold | RewardTold | ReturnTold


def event_of(topics: Sequence[str], data: bytes) -> CampaignEvent | None:
    """The event of a log of the desk; None for a log of another kind.

    Raises:
        ValueError, IndexError: topics or data that the event cannot have.
    """
    known = _EVENTS.get(topics[0])
    if known is None:
        return None
    count, words, read = known
    if len(topics) != count or len(data) != 32 * words:
        raise ValueError("an event of another length")
    return read([bytes.fromhex(one[2:]) for one in topics], data)


def _campaign(topics: list[bytes], data: bytes) -> CampaignEvent:
    programme, budget, depth, begins, ends = (_int(data, at) for at in range(5))
    return CampaignTold(topics[1][:ID_BYTES], _int(topics[2], 0), programme, budget, depth, begins, ends)


def _reward(topics: list[bytes], data: bytes) -> CampaignEvent:
    role, points, sold_on = (_int(data, at) for at in range(3))
    ids = topics[1][:ID_BYTES], topics[2][:ID_BYTES], topics[3][12:]
    return RewardTold(*ids, role, points, sold_on, data[96:128], data[128:160])


def _return(topics: list[bytes], data: bytes) -> CampaignEvent:
    return ReturnTold(topics[1][:ID_BYTES], _int(data, 0), bool(_int(data, 1)))


def _int(data: bytes, word: int) -> int:
    return int.from_bytes(data[32 * word : 32 * word + 32], "big")


def _topic(signature: bytes) -> str:
    return "0x" + keccak256(signature).hex()


_Reader = Callable[[list[bytes], bytes], CampaignEvent]
# By topic: how many topics, how many words of data, and who reads them.
_EVENTS: dict[str, tuple[int, int, _Reader]] = {
    _topic(b"CampaignOpened(bytes16,uint64,uint32,uint64,uint8,uint40,uint40,bytes16)"): (3, 6, _campaign),
    _topic(b"RewardPromised(bytes16,bytes16,address,uint8,uint64,uint40,bytes32,bytes32)"): (4, 5, _reward),
    _topic(b"RewardReturned(bytes16,uint64,bool,bytes16)"): (2, 3, _return),
}
TOPICS = tuple(_EVENTS)
