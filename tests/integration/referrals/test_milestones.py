"""A milestone counts the conversions that stand, and goes back with them; each once."""

from __future__ import annotations

from ledger_service.referrals.campaigns.rules import Milestone

from .sharing import Sharing, terms


def test_a_milestone_goes_back_with_the_conversions_it_was_for_and_is_given_once(sharing: Sharing) -> None:
    sharing.campaign(terms(milestones=(Milestone(2, 500),), vest_days=0))
    ann = sharing.shop.enrol()
    sales = []
    for _ in range(2):
        sales.append(sharing.buy(sharing.bring(ann)))
        sharing.job()
    assert milestones(sharing) == ["granted"]
    sharing.shop.refund(sales[0])
    for _ in range(2):  # the friend's rewards go first, the milestone at the next turn
        sharing.job()
    assert milestones(sharing) == ["clawed"]
    for _ in range(2):
        sales.append(sharing.buy(sharing.bring(ann)))
        sharing.job()
    assert milestones(sharing) == ["clawed", "granted"]
    sharing.shop.refund(sales[1])
    for _ in range(2):
        sharing.job()
    assert milestones(sharing) == ["clawed", "granted"], "two conversions are left"
    sharing.buy(sharing.bring(ann))
    sharing.job()
    assert sharing.shop.balance(ann, 1) == 3 * 100 + 500


def test_what_pays_at_a_milestone_alone_counts_the_purchases_before_it(sharing: Sharing) -> None:
    only = Milestone(2, 500)
    sharing.campaign(terms(milestones=(only,), sharer_points=0, newcomer_points=0))
    ann = sharing.shop.enrol()
    for _ in range(3):
        sharing.buy(sharing.bring(ann))
        sharing.job()
    assert sharing.outcomes() == ["no-points", "rewarded", "no-points"]
    assert milestones(sharing) == ["granted"]


def milestones(sharing: Sharing) -> list[str]:
    return [state for role, _, _, state in sharing.paid() if role == "milestone"]
