"""The shapes of fraud rules, decisions and reviews."""

from __future__ import annotations

from ledger_service.api import shapes
from ledger_service.api.schema import Flag, Free, Integer, Listing, Named, Nullable, Record, Text
from ledger_service.risk.documents import MOST_RULES
from ledger_service.risk.reasons import LANGUAGES, REASONS
from ledger_service.risk.review_rules import EVENTS, STATES, STEPS_OF_CARE
from ledger_service.risk.rules import Act, Count, Per, Signal

_OUTCOMES = ("step_up", "hold", "refuse")
REASON = Text(one_of=tuple(reason.code for reason in REASONS), about="Explained by GET /v1/risk/reasons")
RULE = Named(
    "RiskRule",
    Record(
        {
            "code": Text(pattern="[a-z][a-z0-9-]{0,39}"),
            "signal": Text(one_of=tuple(Signal)),
            "outcome": Text(one_of=_OUTCOMES),
            "acts": Listing(Text(one_of=tuple(Act)), len(Act), 1),
        },
        {
            "per": Text(one_of=tuple(Per)),
            "count": Text(one_of=tuple(Count)),
            "window_seconds": Integer(900, 30 * 86_400),
            "most": Integer(),
            "least_minor": Integer(),
            "seconds": Integer(0, 3_650 * 86_400),
            "share_bps": Integer(0, 10_000),
            "least_count": Integer(0, 1_000_000),
        },
        about="Which fields a signal needs stands in docs/fraud.md",
    ),
)
PROPOSAL = Named(
    "RiskRules",
    Record(
        {"effective_from": shapes.INSTANT, "rules": Listing(RULE, MOST_RULES)},
        {"dry_run": Flag("Propose nothing, only judge the last acts again")},
    ),
)
_TRIED = Nullable(
    Record(
        {
            "acts": Integer(about="Acts judged again"),
            "changed": Listing(
                Record({"was": Text(), "now": Text(), "acts": Integer()}, closed=False), len(_OUTCOMES) ** 3
            ),
            "hits": Listing(Record({"rule": Text(), "acts": Integer()}, closed=False), MOST_RULES),
        },
        closed=False,
    )
)
PROPOSED = shapes.answer(
    "RiskRulesProposed", scope=Text(), version=Nullable(Integer(1)), state=Text(), tried=_TRIED
)
VERSIONS = shapes.answer(
    "RiskRuleVersions",
    scope=Text(),
    versions=Listing(
        Record(
            {
                "version": Integer(1),
                "state": Text(one_of=("asked", "published", "declined")),
                "effective_from": shapes.INSTANT,
                "rules": Listing(RULE, MOST_RULES),
                "asked_by": Text(),
                "decided_by": Nullable(Text()),
            },
            closed=False,
        )
    ),
)
DECISION = Record(
    {
        "decision": shapes.HEX_ID,
        "merchant": Nullable(shapes.GLN),
        "outcome": Text(one_of=_OUTCOMES),
        "decided_at": shapes.INSTANT,
        "hits": Listing(Free("Rule, version, what was found and its limit")),
        "facts": Free("What was judged; for a merchant only what its own till said"),
    },
    closed=False,
)
EVENT = Record(
    {"kind": Text(one_of=EVENTS), "by": Text(), "reason": Text(500, 0), "at": shapes.INSTANT}, closed=False
)
REVIEW = shapes.answer(
    "RiskReview",
    review=shapes.HEX_ID,
    state=Text(one_of=STATES),
    reason=REASON,
    merchant=shapes.GLN,
    sale=Nullable(shapes.HEX_ID),
    until=shapes.INSTANT,
    opened_at=shapes.INSTANT,
)
STEP = Record({"step": Text(one_of=STEPS_OF_CARE), "reason": Text(500, about="For the record")})
APPEAL = Record({"reason": Text(500, about="What the member says")})
CHALLENGE = Record(
    {
        "challenge": shapes.HEX_ID,
        "merchant": shapes.GLN,
        "amount_minor": shapes.MINOR,
        "nonce": Text(pattern="[0-9]{1,20}", about="That of the pay code that answers"),
        "reason": REASON,
        "expires_at": shapes.INSTANT,
        "state": Text(one_of=("open", "met"), about="met: confirmed, the till may sell"),
        "answered_by": Text(one_of=("phone", "page"), about="page: POST …/answer confirms it"),
    },
    closed=False,
)
_WORDS = Record(dict.fromkeys(LANGUAGES, Text(200)))
REASON_TEXTS = Record({"reason": REASON, "member": _WORDS, "cashier": _WORDS}, closed=False)
