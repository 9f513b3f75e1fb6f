"""When points lapse through inactivity, as pure functions: what counts as activity, and what it does.

An activity gives all points that the member has of the programme the end that points have which are issued
then. How long that is say calendar and terms; an end never comes nearer (INV-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from ledger_service.points.rules import Terms, current_epoch, epoch_of_issue, terms_in_force


class Activity(StrEnum):
    """What keeps a member's points of a programme alive.

    ``earn``: points of the programme come in, be it as a promise or against a debt. ``redeem``: points of it
    are spent. ``gift``: points of it are given to or by the member.
    """

    EARN = "earn"
    REDEEM = "redeem"
    GIFT = "gift"


# The entries of the ledger in which each of them shows; a promise counts when it is made, not when it vests.
ENTRY_KINDS: Mapping[Activity, tuple[str, ...]] = {
    Activity.EARN: ("issue", "promise", "collect"),
    Activity.REDEEM: ("redeem", "capture", "convert"),
    Activity.GIFT: ("gift",),
}
# On the last day, and once more when the epoch has ended: whoever was active meanwhile keeps the points.
LAST_LOOKS = (1, 0)


def entry_kinds(activities: Sequence[Activity]) -> tuple[str, ...]:
    """The kinds of entry that count where these activities do."""
    return tuple(kind for activity in activities for kind in ENTRY_KINDS[activity])


def active_since(ends: Sequence[int], terms: Sequence[Terms], epoch: int) -> int:
    """No activity before this instant (seconds) can bring points of ``epoch`` to a later end."""
    longest = max(one.validity_epochs for one in terms)
    before = epoch - longest
    return ends[before - 1] if before >= 1 else 0


def epoch_after(ends: Sequence[int], terms: Sequence[Terms], epoch: int, active_at: int) -> int | None:
    """The epoch that points of ``epoch`` go to after an activity at ``active_at``.

    None where that is no later one, and for an activity after their end: what has lapsed does not come back.
    """
    now = terms_in_force(terms, active_at)
    if now is None or active_at >= ends[epoch - 1]:
        return None
    into = epoch_of_issue(ends, active_at, now.validity_epochs)
    return into if into is not None and into > epoch else None


def least_rest_seconds(ends: Sequence[int], terms: Terms) -> int:
    """The shortest time for which points stay after an activity under these terms, as the calendar stands.

    The last instant of an epoch is the worst to be active at. 0 where the calendar does not reach that far.
    """
    first, validity = current_epoch(ends, terms.effective_from), terms.validity_epochs
    spans = [ends[e - 1 + validity] - ends[e - 1] for e in range(first, len(ends) + 1 - validity)]
    return min(spans, default=0)
