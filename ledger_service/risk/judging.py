"""What a set of rules says of an act: a pure function of the observation and of what was counted before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ledger_service.risk.rules import (
    Act,
    Count,
    Hit,
    Observation,
    Outcome,
    Per,
    Rule,
    RuleSet,
    Signal,
    pair_subject,
    subject,
    subjects,
)
from ledger_service.risk.tallies import DAY_SECONDS, Tally

NOTHING = Tally()
Tallies = Mapping[str, Tally]


def increments(seen: Observation, mine: Tally) -> dict[str, int]:
    """What an act adds to the tallies of everybody concerned; ``mine`` is the member's before it."""
    acts = seen.acts
    found = {
        Count.SALES: Act.SALE in acts,
        Count.SPENDS: Act.SPEND in acts,
        Count.REFUNDS: bool(acts & {Act.REFUND, Act.UNRECEIPTED}),
        Count.UNRECEIPTED: Act.UNRECEIPTED in acts,
        Count.GIFTS: Act.GIFT in acts,
        Count.ATTACHES: Act.ATTACH in acts,
        Count.LOOPS: Act.REFUND in acts and _is_loop(seen, mine),
        Count.PINS: Act.PIN in acts,
        Count.SOLD_MINOR: seen.goods_minor if acts & {Act.SALE, Act.ATTACH} else 0,
        Count.SPENT_MINOR: seen.spend_minor if acts & {Act.SPEND, Act.GIFT} else 0,
        Count.REFUNDED_MINOR: seen.goods_minor if acts & {Act.REFUND, Act.UNRECEIPTED} else 0,
    }
    return {name.value: int(count) for name, count in found.items() if count}


def _is_loop(seen: Observation, mine: Tally) -> bool:
    return seen.paid_in_points or (seen.sold_at is not None and mine.spent_at >= seen.sold_at)


def judge(rules: RuleSet, seen: Observation, tallies: Tallies) -> list[Hit]:
    """The rules that an act goes against, in the order of the set.

    Args:
        rules: the set.
        seen: the act.
        tallies: by subject, before the act; what is not there was never counted.
    """
    mine = of_member(rules, seen, tallies)
    added = increments(seen, mine)
    found = []
    for rule in rules.rules:
        if rule.acts & seen.acts and seen.worth_minor >= rule.least_minor:
            hit = _TESTS[rule.signal](rule, rules, seen, (tallies, added))
            if hit is not None and hit[0] > hit[1]:
                found.append(Hit(rule.code, rule.signal, _possible(rule, seen), *hit))
    return found


def strictest(hits: Iterable[Hit]) -> Outcome:
    """The outcome of several hits; allow for none."""
    return max((hit.outcome for hit in hits), default=Outcome.ALLOW)


def counted(rules: RuleSet, seen: Observation, tallies: Tallies) -> dict[str, Tally]:
    """The tallies of the act's subjects after it."""
    mine = of_member(rules, seen, tallies)
    added, spends = increments(seen, mine), bool(seen.acts & {Act.SPEND, Act.GIFT})
    keys = subjects(rules, seen.who)
    return {key: tallies.get(key, NOTHING).plus(added, seen.at, spends=spends) for key in keys}


def as_booked(seen: Observation, outcome: Outcome) -> Observation | None:
    """What happens of an act that is decided like this; None where nothing does. Only that is counted.

    A sale that is held goes on without its points, unless the till insists on them.
    """
    if outcome is Outcome.ALLOW:
        return seen
    if outcome is not Outcome.HOLD or seen.must_spend:
        return None
    if Act.SPEND not in seen.acts:
        return seen
    return replace(seen, acts=seen.acts - {Act.SPEND}, spend_minor=0)


def of_member(rules: RuleSet, seen: Observation, tallies: Tallies) -> Tally:
    """The member's own tally."""
    return tallies.get(subject(rules.merchant_id, Per.MEMBER, seen.who) or "", NOTHING)


def _possible(rule: Rule, seen: Observation) -> Outcome:
    """What can be done with the act: only a pay code can be confirmed, and once it is, that is enough.

    A new device does not vouch for itself: another one must, that is older than the rule asks for.
    """
    if rule.outcome is not Outcome.STEP_UP:
        return rule.outcome
    trusted = seen.trusted_since is not None and seen.at - seen.trusted_since >= rule.seconds
    if Act.SPEND not in seen.acts or (rule.signal is Signal.NEW_DEVICE and not trusted):
        return Outcome.HOLD
    return Outcome.ALLOW if seen.confirmed else Outcome.STEP_UP


Found = tuple[int, int] | None
Known = tuple[Tallies, Mapping[str, int]]


def _velocity(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    key = subject(rules.merchant_id, rule.per, seen.who)
    if key is None:
        return None
    before = known[0].get(key, NOTHING).within(rule.count, rule.window_seconds, seen.at)
    return before + known[1].get(rule.count, 0), rule.most


def _new_device(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    # A member's first device is as new as the account: that is joining, not taking over.
    if seen.device_since is None or seen.at - seen.member_since < rule.seconds:
        return None
    return rule.seconds - (seen.at - seen.device_since), 0


def _dormant(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    # A purchase of today that woke the account must not hide how long it slept.
    mine = of_member(rules, seen, known[0])
    today = mine.last_at // DAY_SECONDS == seen.at // DAY_SECONDS
    last = max((mine.prior_at if today else mine.last_at) or rules.counting_since, seen.member_since)
    return seen.at - last, rule.seconds


def _own_card(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    return int(seen.own_card), 0


def _refund_share(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    key = subject(rules.merchant_id, rule.per, seen.who)
    if key is None:
        return None
    tally, added = known[0].get(key, NOTHING), known[1]
    refunds, refunded, sold = (
        tally.within(name, rule.window_seconds, seen.at) + added.get(name, 0)
        for name in (Count.REFUNDS, Count.REFUNDED_MINOR, Count.SOLD_MINOR)
    )
    if refunds < rule.least_count:
        return None
    return 10_000 * refunded // max(sold, 1), rule.share_bps


def _concentration(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    scope, who = rules.merchant_id, seen.who
    pair, cashier = pair_subject(scope, who), subject(scope, Per.CASHIER, who)
    if pair is None or cashier is None:
        return None
    names = (Count.SALES, Count.ATTACHES)
    own = sum(known[1].get(name, 0) for name in names)
    mine, all_of = (
        own + sum(known[0].get(key, NOTHING).within(name, rule.window_seconds, seen.at) for name in names)
        for key in (pair, cashier)
    )
    if mine < rule.least_count:
        return None
    return 10_000 * mine // all_of, rule.share_bps


def _amount(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    return seen.worth_minor, rule.most


def _permit_cap(rule: Rule, rules: RuleSet, seen: Observation, known: Known) -> Found:
    return None if seen.permit_minor is None else (seen.spend_minor, seen.permit_minor)


_TESTS: Mapping[Signal, Callable[[Rule, RuleSet, Observation, Known], Found]] = {
    Signal.VELOCITY: _velocity,
    Signal.NEW_DEVICE: _new_device,
    Signal.DORMANT: _dormant,
    Signal.OWN_CARD: _own_card,
    Signal.REFUND_SHARE: _refund_share,
    Signal.CONCENTRATION: _concentration,
    Signal.AMOUNT: _amount,
    Signal.PERMIT_CAP: _permit_cap,
}
