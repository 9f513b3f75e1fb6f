"""Shapes of sharing: campaigns, links, touches, rewards, evidence."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Schema, Text
from ledger_service.referrals.campaigns.rules import MOST_MILESTONES, STATES, Touch, Trigger
from ledger_service.referrals.links.rules import Channel
from ledger_service.referrals.rewards.rules import OUTCOMES, PAYS, ROLES
from ledger_service.referrals.rewards.rules import STATES as REWARD_STATES

CAMPAIGN_CODE = Text(pattern="[A-Z0-9][A-Z0-9-]{1,31}", about="The campaign's own code")
LINK_CODE = Text(pattern="[0-9a-z]{12}", about="12 digits of Crockford's base 32, the last four a check")
CHANNEL = Text(one_of=tuple(channel.value for channel in Channel))
_DAYS, _POINTS = Integer(0, 365), Integer(0, 1_000_000)
_COUPON = Integer(1, 2**53 - 1, "A coupon definition at the merchant's own cost; given after vest_days")
COUPON_NAMES = Nullable(Free("What the coupon is called, by language; null where none is given"))
TERMS = Named("ShareTerms", Record(
    {"trigger": Text(one_of=tuple(t.value for t in Trigger))},
    {"sharer_points": _POINTS, "newcomer_points": _POINTS,
     "second_points": Integer(0, 1_000_000, "To who brought the sharer; no level is deeper (INV-14)"),
     "milestones": Listing(Record({"count": Integer(1, 10_000)}, {"points": _POINTS, "coupon": _COUPON}),
                           MOST_MILESTONES),
     "nth": Integer(1, 100), "least_minor": Integer(0, 10_000_000), "window_days": Integer(1, 365),
     "touch": Text(one_of=tuple(t.value for t in Touch)), "vest_days": _DAYS,
     "most_per_sharer": Integer(0, 10_000, "0 for no limit"), "most_a_day": Integer(1, 10_000),
     "burst_hour": Integer(1, 10_000),
     "sharer_coupon": _COUPON, "newcomer_coupon": _COUPON, "second_coupon": _COUPON},
))  # fmt: skip
BUDGET = Record(
    {"points": Integer(), "rewards": Integer(1, 10_000_000)},
    {"coupons": Integer(0, 10_000_000, "How many of the rewards may be coupons; none where absent")},
)
NEW_CAMPAIGN = Named("NewShareCampaign", Record({
    "code": CAMPAIGN_CODE, "merchant": shapes.GLN, "programme": shapes.PROGRAMME, "name": Text(100),
    "terms": TERMS, "budget": BUDGET,
}))  # fmt: skip
CAMPAIGN = Named("ShareCampaign", Record({
    "code": CAMPAIGN_CODE, "merchant": shapes.GLN, "programme_id": Integer(1), "name": Text(100),
    "state": Text(one_of=STATES), "version": Integer(), "budget": Record(
        {"points": Integer(), "rewards": Integer(), "coupons": Integer(), "used_points": Integer(),
         "used_rewards": Integer(), "used_coupons": Integer()}, closed=False),
    "live_at": Nullable(shapes.INSTANT), "ended_at": Nullable(shapes.INSTANT),
}, closed=False))  # fmt: skip
VERSION = Named("ShareCampaignVersion", Record({
    "version": Integer(1), "state": Text(), "depth": Integer(1, 2), "terms": Free("As they were asked for"),
    "asked_by": Text(), "asked_at": shapes.INSTANT, "decided_by": Nullable(Text()),
}, closed=False))  # fmt: skip
LINK_FIELDS: dict[str, Schema] = {
    "code": LINK_CODE, "campaign": CAMPAIGN_CODE, "channel": CHANNEL, "url": Text(200),
    "made_at": shapes.INSTANT, "ended_at": Nullable(shapes.INSTANT),
}  # fmt: skip
LINK = Named("ShareLink", Record(LINK_FIELDS, {"cashier": Nullable(Text())}, closed=False))
OFFER = Named("ShareOffer", Record({
    "campaign": CAMPAIGN_CODE, "name": Text(100), "merchant": shapes.GLN, "merchant_name": Text(200),
    "trigger": Text(), "newcomer_points": Integer(), "least_minor": Integer(),
    "newcomer_coupon": COUPON_NAMES, "staff": Nullable(shapes.CASHIER),
}, closed=False))  # fmt: skip
REWARD_FIELDS: dict[str, Schema] = {
    "reward": shapes.HEX_ID, "campaign": CAMPAIGN_CODE, "sale": shapes.HEX_ID,
    "role": Text(one_of=ROLES), "depth": Integer(1, 2), "member": Nullable(shapes.NUMBER),
    "points": Integer(0, about="0 where it is a coupon, which has the reward's id"),
    "pays": Text(one_of=PAYS), "definition": Nullable(Integer(1)),
    "state": Text(one_of=REWARD_STATES), "reasons": Listing(Text(), 16),
    "commitment": Integer(1), "until": shapes.INSTANT, "sold_at": shapes.INSTANT, "made_at": shapes.INSTANT,
}  # fmt: skip
REWARD = Named("ShareReward", Record(REWARD_FIELDS, closed=False))
EVENT = Record({"kind": Text(), "by": Text(), "reason": Text(500, 0), "at": shapes.INSTANT}, closed=False)
FUNNEL_CHANNEL = Record({
    "channel": CHANNEL, "links": Integer(), "touches": Integer(), "machines": Integer(),
    "followed": Integer(), "enrolled": Integer(),
}, closed=False)  # fmt: skip
FUNNEL_OUTCOME = Record({
    "outcome": Text(one_of=OUTCOMES), "first": Integer(), "repeated": Integer(), "amount_minor": Integer(),
}, closed=False)  # fmt: skip
_HASH = Text(64)
LOGGED = Record({
    "leaf": Integer(0), "body": Text(1_000, about="The leaf as it was hashed"), "proof": Listing(_HASH),
    "checkpoint": Nullable(Record({"size": Integer(1), "root": _HASH, "at": shapes.INSTANT}, closed=False)),
    "before_sale": Flag("The checkpoint on the chain is older than the ledger's word of the sale"),
}, closed=False)  # fmt: skip
PAID = Record({
    "reward": Text(32, about="Its operation on the chain, too; follows from commitment, sale and role"),
    "role": Text(one_of=ROLES), "pays": Text(one_of=PAYS), "points": Integer(0),
    "state": Text(one_of=REWARD_STATES),
}, closed=False)  # fmt: skip
EVIDENCE = Named("ShareEvidence", Record({
    "sale": shapes.HEX_ID, "campaign": CAMPAIGN_CODE, "outcome": Text(one_of=OUTCOMES), "ordinal": Integer(1),
    "commitment": Record({"number": Integer(1), "hash": _HASH, "chain": _HASH, "at": shapes.INSTANT},
                         closed=False),
    "body": Free("What was committed"), "salt": _HASH, "own_salt": Nullable(_HASH),
    "opens": Flag(), "again": Nullable(Integer(1, about="What judging again, from the commitments, finds")),
    "log": Nullable(LOGGED), "sold_at": shapes.INSTANT, "recorded_at": shapes.INSTANT,
    "rewards": Listing(PAID),
}, closed=False))  # fmt: skip
