"""Whether a desk of campaigns kept INV-14, by what it has told and what was issued; pure.

The contract refuses each of these; whoever does not want to take that on trust adds it up again: no reward
deeper than its campaign, none beyond its budget at any time, none issued that was not promised so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field

from ledger_service.kernel.campaign_events import CampaignEvent, CampaignTold, ReturnTold, RewardTold
from ledger_service.kernel.campaign_operations import DAY_SECONDS, RewardRole
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import IssueReason
from ledger_service.referrals.rewards.proving import Finding, Mined, Paper

_ROLES = frozenset(RewardRole)


@dataclass(slots=True)
class Kept:
    """A campaign by the desk's events: terms as they were told last, and the sums of its points."""

    merchant: int = 0
    programme: int = 0
    depth: int = 0
    begins: int = 0
    ends: int = 0
    budget: int = 0
    promised: int = 0
    returned: int = 0
    issued: int = 0


@dataclass(slots=True)
class Reward:
    """A promise, and what became of it: ``back`` tells whether it had been issued when it went back."""

    campaign: bytes
    points: int
    block: int
    issued: bool = False
    back: bool | None = None


@dataclass(slots=True)
class DeskBook:
    """The desk's events added up, in their order; whatever should not have been is found on the way.

    ``opened`` is the block of each merchant's first campaign; ``found`` has the campaign of each finding.
    """

    campaigns: dict[bytes, Kept] = field(default_factory=dict)
    rewards: dict[bytes, Reward] = field(default_factory=dict)
    opened: dict[int, int] = field(default_factory=dict)
    found: list[tuple[bytes, Finding]] = field(default_factory=list)

    def note(self, event: CampaignEvent, block: int) -> None:
        """The next event, and the block that has it."""
        match event:
            case CampaignTold():
                self._open(event)
                self.opened.setdefault(event.merchant, block)
            case RewardTold():
                self._promise(event, block)
            case ReturnTold():
                self._take_back(event)

    def hold(self, one: Mined) -> None:
        """An issue of the house, once the events are noted; those for other reasons are nobody's here."""
        if one.reason != IssueReason.REWARD:
            return
        known = self.rewards.get(one.op_id)
        if known is None:
            self._find(b"", "reward-unpromised", f"0x{one.op_id.hex()} was issued, and never promised")
            return
        kept = self.campaigns[known.campaign]
        as_promised = one.points <= known.points and one.block >= known.block and known.back is not False
        its_own = (one.programme, one.merchant) == (kept.programme, kept.merchant)
        if known.issued or not as_promised or not its_own:
            what = f"0x{one.op_id.hex()} was issued otherwise than promised"
            self._find(known.campaign, "reward-unpromised", what)
        known.issued = True
        kept.issued += one.points

    def compare(self, campaign: bytes, held: Collection[int]) -> None:
        """A campaign's nine figures by the contract's state, held against those of its events."""
        told = astuple(self.campaigns[campaign])
        if told != tuple(held):
            text = f"its events come to {told}, the contract holds {tuple(held)}"
            self._find(campaign, "campaign-differs", text)

    def findings(self, campaigns: Collection[bytes] | None = None) -> list[Finding]:
        """What was found of these campaigns, or of all."""
        return [one for campaign, one in self.found if campaigns is None or campaign in campaigns]

    def _open(self, event: CampaignTold) -> None:
        known = self.campaigns.get(event.campaign)
        terms = event.merchant, event.programme, event.depth, event.begins
        if known is None:
            known = self.campaigns[event.campaign] = Kept()
        elif (
            terms != (known.merchant, known.programme, known.depth, known.begins)
            or event.budget < known.budget
            or event.ends > known.ends
        ):
            self._find(event.campaign, "campaign-differs", "what was told of it was taken back later")
        known.merchant, known.programme, known.depth, known.begins = terms
        known.budget, known.ends = event.budget, event.ends

    def _promise(self, event: RewardTold, block: int) -> None:
        kept = self.campaigns.setdefault(event.campaign, Kept())
        what = f"0x{event.reward.hex()}"
        if event.role not in _ROLES or _level(event.role) > kept.depth:
            told = f"{what} is for role {event.role} in a campaign of {kept.depth} level(s)"
            self._find(event.campaign, "promise-too-deep", told)
        wrong = "is promised twice" if event.reward in self.rewards else _unfit(event, kept)
        if wrong:
            self._find(event.campaign, "promise-differs", f"{what} {wrong}")
        kept.promised += event.points
        if kept.promised - kept.returned > kept.budget:
            standing = kept.promised - kept.returned
            told = f"with {what} {standing:,} points stand promised of {kept.budget:,}"
            self._find(event.campaign, "promise-beyond-budget", told)
        self.rewards[event.reward] = Reward(event.campaign, event.points, block)

    def _take_back(self, event: ReturnTold) -> None:
        known = self.rewards.get(event.reward)
        if known is None or known.back is not None or event.points != known.points:
            campaign = b"" if known is None else known.campaign
            told = f"0x{event.reward.hex()} went back otherwise than it was promised"
            self._find(campaign, "promise-differs", told)
            return
        known.back = event.issued
        self.campaigns[known.campaign].returned += known.points

    def _find(self, campaign: bytes, code: str, what: str) -> None:
        whose = f"campaign 0x{campaign.hex()}: " if campaign else ""
        self.found.append((campaign, Finding(code, whose + what)))


def judge_promises(
    paper: Paper, issues: Iterable[Mined], book: DeskBook, opened: Mapping[int, int]
) -> Iterator[Finding]:
    """What a desk's word has against the rewards of one purchase.

    Args:
        paper: the evidence.
        issues: those of the house that are the purchase's rewards, among others.
        book: the desk's events.
        opened: the second in which each merchant's first campaign was on the chain.
    """
    for one in issues:
        if role := paper.ids.get(one.op_id):
            if one.reason != IssueReason.REWARD or one.op_id not in book.rewards:
                yield Finding("reward-unpromised", f"the {role}'s points were issued, and never promised")
        elif role := paper.former_ids.get(one.op_id):
            since = opened.get(one.merchant)
            if since is not None and since < paper.sold_at.timestamp():
                what = f"the {role}'s points were issued as an earn, with the desk at hand"
                yield Finding("reward-unpromised", what)
    promised = {op_id: book.rewards[op_id] for op_id in paper.ids if op_id in book.rewards}
    for op_id, known in promised.items():
        told = paper.rewards.get(op_id)
        if op_id not in paper.named or (told is not None and told[1] < known.points):
            text = f"{known.points} points are promised to the {paper.ids[op_id]}; the paper tells less"
            yield Finding("reward-differs", text)
    yield from book.findings({known.campaign for known in promised.values()})


def _level(role: int) -> int:
    return 2 if role == RewardRole.SECOND else 1


def _unfit(event: RewardTold, kept: Kept) -> str:
    if not any(event.purchase):
        return "names no purchase"
    if not (event.sold_on < kept.ends and event.sold_on + DAY_SECONDS > kept.begins):
        return "is of a sale outside the campaign's time"
    if event.role in _ROLES:
        name = RewardRole(event.role).text
        if derive_id("share reward", event.attribution, event.purchase, name) != event.reward:
            return "has an id that does not follow from what it names"
    return ""
