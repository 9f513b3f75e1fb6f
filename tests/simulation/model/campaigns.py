"""Signed batches of campaigns, check by check in the order of ``SignedBatches.sol`` and ``CampaignDesk.sol``:
what the bridge sends, and what the house asks. Whoever pauses the desk finds nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger_service.chain.artifacts import load
from ledger_service.kernel.beside import DOMAIN_NAME, refused_outcome
from ledger_service.kernel.campaign_operations import DAY_SECONDS, CampaignKind, RewardRole
from ledger_service.kernel.eip712 import Domain
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.merkle import root_of
from ledger_service.kernel.permits import slice_struct_hash
from ledger_service.kernel.secp256k1 import keccak256, recover_address
from tests.simulation.model.abi import Log, answer, log_of, refusal
from tests.simulation.model.batch import CLOCK_SKEW, MINING_WINDOW, MOST_OPERATIONS
from tests.simulation.model.state import NEVER, Campaign, Promised, State

PROMISED, ISSUED, WITHDRAWN, RETURNED = 1, 2, 3, 4
MOST_DEPTH, HEAD_BYTES = 2, 128
_U64 = 1 << 64
_REFUSED = keccak256(b"OperationRefused(uint64,uint32,bytes16,bytes4)")
_ROLES = {int(role): role.text for role in RewardRole}


@dataclass(frozen=True)
class Head:
    """An operation's place and its first words."""

    kind: int
    op_id: bytes
    merchant: int
    accepted_at: int


def submit(state: State, now: int, number: int, slices: Sequence[Any]) -> list[Log]:
    """See ``SignedBatches.submitBatch``."""
    if number <= state.campaign_batch:
        raise refusal("BatchNumberUsed", number, state.campaign_batch)
    state.campaign_batch = number
    count = sum(len(piece[2]) for piece in slices)
    if count == 0:
        raise refusal("BatchEmpty", number)
    if count > MOST_OPERATIONS:
        raise refusal("BatchTooLarge", count, MOST_OPERATIONS)
    outcomes: list[bytes] = []
    logs: list[Log] = []
    for place, piece in enumerate(slices):
        if place and piece[0] <= slices[place - 1][0]:
            raise refusal("SliceNotRising", place)
        _take_slice((state, now, number), piece, outcomes, logs)
    refused = sum(log.topics[0] == _REFUSED for log in logs)
    root = root_of(outcomes)
    state.campaign_roots[number] = root
    logs.append(log_of(state.site.campaigns, "SignedBatchApplied", (number,), (count, refused, root)))
    return logs


def _take_slice(
    around: tuple[State, int, int], piece: tuple[Any, ...], outcomes: list[bytes], logs: list[Log]
) -> None:
    (state, now, number), (merchant, signature, operations) = around, piece
    known = state.merchants.get(merchant)
    if known is None:
        raise refusal("SliceMerchantUnknown", merchant)
    first, leaves = len(outcomes), [keccak256(words) for words, _ in operations]
    domain = Domain(state.site.chain_id, state.site.campaigns, DOMAIN_NAME)
    digest = domain.digest(slice_struct_hash(number, merchant, leaves))
    if recover_address(digest, signature) != known.operations:
        raise refusal("SliceSignatureInvalid", merchant, digest)
    for place, ((words, _), leaf) in enumerate(zip(operations, leaves, strict=True), start=first):
        head = _head_of((now, merchant, place), words)
        reason = _untimely(head, now, known.suspended_from) or _apply(state, head, words, logs)
        if reason is None:
            outcomes.append(leaf)
            continue
        selector = refusal(reason).data
        outcomes.append(refused_outcome(leaf, selector, place))
        plain = (head.op_id, selector)
        logs.append(log_of(state.site.campaigns, "OperationRefused", (number, place), plain))


def _head_of(where: tuple[int, int, int], words: bytes) -> Head:
    now, merchant, index = where
    if len(words) < HEAD_BYTES or len(words) % 32:
        raise refusal("OperationMalformed", index)
    kind, op_id, whose, at = (_word(words, place - 4) for place in range(4))
    if whose != merchant or at > NEVER or op_id & (1 << 128) - 1:
        raise refusal("OperationMalformed", index)
    if at > now + CLOCK_SKEW:
        raise refusal("AcceptedInFuture", index, at, now)
    return Head(kind, words[32:48], merchant, at)


def _untimely(head: Head, now: int, suspended_from: int) -> str | None:
    if head.accepted_at + MINING_WINDOW < now:
        return "OperationTooLate"
    return "OperationMerchantSuspended" if head.accepted_at >= suspended_from else None


def _word(words: bytes, place: int) -> int:
    start = HEAD_BYTES + 32 * place
    return int.from_bytes(words[start : start + 32], "big")


def _apply(state: State, head: Head, words: bytes, logs: list[Log]) -> str | None:
    """What the operation does; the name of the refusal where it does nothing at all."""
    known = _KINDS.get(head.kind)
    if known is None or (len(words) - HEAD_BYTES) // 32 != known[0]:
        return "OperationKindUnknown"
    return known[1](state, head, words, logs)


def _open(state: State, head: Head, words: bytes, logs: list[Log]) -> str | None:
    identifier, programme, budget, depth, begins, ends = (_word(words, place) for place in range(6))
    sound = (
        identifier and _is_id(identifier) and 0 < budget < _U64 and 0 < depth <= MOST_DEPTH
        and begins < ends <= NEVER
    )  # fmt: skip
    if not sound:
        return "CampaignInvalid"
    campaign = words[HEAD_BYTES : HEAD_BYTES + 16]
    known = state.campaigns.get(campaign)
    if known is None:
        of_registry = state.programmes.get(programme)
        if of_registry is None or of_registry.issuer != head.merchant:
            return "CampaignInvalid"
        known = Campaign(len(state.campaigns) + 1, head.merchant, programme, depth, begins, ends, budget)
    elif known.owner != head.merchant:
        return "CampaignNotYours"
    else:
        widens = (
            programme == known.programme and budget >= known.budget and depth == known.depth
            and known.begins <= begins < known.ends
        )  # fmt: skip
        if not widens:
            return "CampaignTakesBack"
        known = replace(known, budget=budget, ends=min(ends, known.ends))
    state.campaigns[campaign] = known
    plain = (known.programme, known.budget, known.depth, known.begins, known.ends, head.op_id)
    logs.append(log_of(state.site.campaigns, "CampaignOpened", (campaign, known.owner), plain))
    return None


def _promise(state: State, head: Head, words: bytes, logs: list[Log]) -> str | None:
    campaign, reward = words[HEAD_BYTES : HEAD_BYTES + 16], words[HEAD_BYTES + 32 : HEAD_BYTES + 48]
    known = state.campaigns.get(campaign) if _is_id(_word(words, 0)) else None
    if known is None:
        return "CampaignUnknown"
    unfit = _unfit(head, known, words)
    if unfit is not None:
        return unfit
    if reward in state.rewards:
        return "RewardKnown"
    role, account, points, sold_on = (_word(words, place) for place in range(2, 6))
    if known.promised + points >= _U64 or known.promised + points > known.returned + known.budget:
        return "RewardBeyondBudget"
    whose = account.to_bytes(20, "big")
    state.campaigns[campaign] = replace(known, promised=known.promised + points)
    state.rewards[reward] = Promised(campaign, whose, points, role, PROMISED)
    plain = (role, points, sold_on, words[HEAD_BYTES + 192 :][:32], words[HEAD_BYTES + 224 :])
    logs.append(log_of(state.site.campaigns, "RewardPromised", (reward, campaign, whose), plain))
    return None


def _unfit(head: Head, known: Campaign, words: bytes) -> str | None:
    """What a promise may be by itself and by its campaign, whatever was promised before (INV-14)."""
    role, account, points, sold_on = (_word(words, place) for place in range(2, 6))
    in_time = sold_on % DAY_SECONDS == 0 and sold_on <= head.accepted_at and sold_on < known.ends
    sound = role in _ROLES and 0 < account < 1 << 160 and 0 < points < _U64
    attribution, purchase = words[HEAD_BYTES + 192 :][:32], words[HEAD_BYTES + 224 :]
    checks = (
        (known.owner == head.merchant, "CampaignNotYours"),
        (in_time and sold_on + DAY_SECONDS > known.begins, "CampaignNotInTime"),
        (sound, "RewardInvalid"),
        (role != RewardRole.SECOND or known.depth == MOST_DEPTH, "RewardTooDeep"),
        (any(purchase), "RewardWithoutPurchase"),
    )
    refused = next((name for kept, name in checks if not kept), None)
    if refused is not None:
        return refused
    due = derive_id("share reward", attribution, purchase, _ROLES[role])
    return None if words[HEAD_BYTES + 32 :][:32] == due.ljust(32, b"\0") else "RewardIdDiffers"


def _return(state: State, head: Head, words: bytes, logs: list[Log]) -> str | None:
    reward = words[HEAD_BYTES : HEAD_BYTES + 16]
    promised = state.rewards.get(reward)
    if promised is None or not _is_id(_word(words, 0)):
        return "RewardUnknown"
    known = state.campaigns[promised.campaign]
    if known.owner != head.merchant:
        return "CampaignNotYours"
    if promised.state >= WITHDRAWN:
        return "RewardWentBack"
    issued = promised.state == ISSUED
    state.rewards[reward] = replace(promised, state=RETURNED if issued else WITHDRAWN)
    state.campaigns[promised.campaign] = replace(known, returned=known.returned + promised.points)
    plain = (promised.points, issued, head.op_id)
    logs.append(log_of(state.site.campaigns, "RewardReturned", (reward,), plain))
    return None


def take(state: State, reward: bytes, merchant: int, account: bytes, leg: int) -> bool:
    """See ``CampaignDesk.take``; no account moves here."""
    promised, points = state.rewards.get(reward), leg % _U64
    if promised is None or promised.state != PROMISED or points > promised.points:
        return False
    known = state.campaigns[promised.campaign]
    if (known.owner, known.programme, promised.account) != (merchant, leg >> 112, account):
        return False
    state.rewards[reward] = replace(promised, state=ISSUED)
    state.campaigns[promised.campaign] = replace(known, issued=known.issued + points)
    return True


def view(state: State, name: str, arguments: tuple[Any, ...]) -> bytes:
    """What the desk's views answer.

    Raises:
        KeyError: another one than relay and audit ask.
    """
    if name == "lastBatch":
        return answer("CampaignDesk", name, state.campaign_batch)
    if name == "rootOf":
        return answer("CampaignDesk", name, state.campaign_roots.get(arguments[0], bytes(32)))
    if name == "campaign":
        return answer("CampaignDesk", name, _figures(state.campaigns.get(arguments[0])))
    if name == "rewardOf":
        return answer("CampaignDesk", name, _promised(state, state.rewards.get(arguments[0])))
    raise KeyError(name)


def _figures(known: Campaign | None) -> tuple[int, ...]:
    if known is None:
        return (0,) * 9
    sums = (known.budget, known.promised, known.returned, known.issued)
    return (known.owner, known.programme, known.depth, known.begins, known.ends, *sums)


def _promised(state: State, known: Promised | None) -> tuple[Any, ...]:
    if known is None:
        return ("0x" + bytes(20).hex(), 0, 0, 0)
    return ("0x" + known.account.hex(), known.points, state.campaigns[known.campaign].number, known.state)


def is_view(data: bytes) -> bool:
    """Whether the call asks the desk for something that it answers without changing."""
    artifact = load("CampaignDesk")
    return data[:4] in {artifact.selector(name) for name in ("lastBatch", "rootOf", "campaign", "rewardOf")}


def _is_id(word: int) -> bool:
    return word & (1 << 128) - 1 == 0


_KINDS: dict[int, tuple[int, Callable[[State, Head, bytes, list[Log]], str | None]]] = {
    CampaignKind.OPEN: (6, _open), CampaignKind.PROMISE: (8, _promise), CampaignKind.RETURN: (1, _return),
}  # fmt: skip
