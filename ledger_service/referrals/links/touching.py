"""Touches: somebody has opened a link. Written in groups, without a lock, so that a flood costs nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.ids import derive_id
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.links.errors import ShareLinkEnded, ShareLinkUnknown
from ledger_service.referrals.links.models import share_link, share_touch
from ledger_service.referrals.links.rules import LinkCodes, is_machine

_LINK: Load = load_by(share_link, "code")
_TOUCH: Load = load_by(share_touch, "touch_id")
_CAMPAIGN: Load = load_by(share_campaign, "campaign_id")


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor's own random number on a link, and the program that it says it uses."""

    code: str
    visit: bytes
    agent: str
    at: datetime

    @property
    def touch_id(self) -> bytes:
        """The touch's id: the same for the same visit, so a retry counts once."""
        return derive_id("touch", self.code, self.visit)


class TouchCommand(BookCommand[bool]):
    """The touch is recorded; answers whether a person made it.

    Idempotency: the visitor's number on the link.
    """

    def __init__(self, visit: Visit, codes: LinkCodes) -> None:
        """Take the visit."""
        self._visit, self._ours = visit, codes.is_ours(visit.code)

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The link, which a forged code has no more than a wrong one, and the touch."""
        return [_LINK.of(self._visit.code), _TOUCH.of(self._visit.touch_id)]

    def reads_second(self, view: Workset) -> Iterable[Need]:
        """The campaign."""
        row = view.one(_LINK, self._visit.code)
        return [] if row is None else [_CAMPAIGN.of(row["campaign_id"])]

    def apply(self, draft: Draft) -> bool:
        """Record.

        Raises:
            ShareLinkUnknown: forged, or nobody's. ShareLinkEnded: the link or its campaign is over.
        """
        visit, link = self._visit, draft.one(_LINK, self._visit.code)
        if link is None or not self._ours:
            raise ShareLinkUnknown
        campaign = draft.one(_CAMPAIGN, link["campaign_id"])
        if link["ended_at"] is not None or campaign is None or campaign["state"] != "live":
            raise ShareLinkEnded
        known = draft.get(share_touch, visit.touch_id)
        if known is not None:
            return not known["machine"]
        machine = is_machine(visit.agent)
        draft.add(share_touch, {
            "touch_id": visit.touch_id, "code": visit.code, "machine": machine, "touched_at": visit.at,
        })  # fmt: skip
        return not machine
