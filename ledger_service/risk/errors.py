"""Every refusal of the risk room; none of them accuses anybody."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.db.errors import TracedRefusal
from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class StepUpRequired(TracedRefusal):
    """The phone is asked again, naming merchant and amount."""

    challenge: str
    merchant: str
    amount_minor: int
    currency: str
    nonce: str
    expires_at: str
    reason: str

    code = "step-up-required"
    why = "The member must confirm this payment: `merchant`, `amount_minor` in `currency`, for `reason`."
    fix = (
        "Let the member's phone sign a pay code with `nonce` for at least the amount; whose codes custody "
        "signs confirms on its page (POST /v1/members/{number}/challenges/{challenge}/answer). Then sell "
        "again before `expires_at` with `challenge` in `step_up`."
    )


@dataclass(eq=False)
class HeldForReview(TracedRefusal):
    """The points stay where they are until somebody has looked."""

    reason: str

    code = "held-for-review"
    why = "These points cannot be used right now; nothing was booked and nothing is lost."
    fix = "Sell without points. The member can ask the alliance's care desk, which sees `reason`."


@dataclass(eq=False)
class RefusedByRules(TracedRefusal):
    """A rule in force says no."""

    reason: str

    code = "refused-by-rules"
    why = "A rule of the alliance or of the merchant does not allow this here and now; nothing was booked."
    fix = "See `reason` in GET /v1/risk/reasons; the care desk of the alliance knows the rule."


@dataclass(eq=False)
class RulesOutOfOrder(DomainError):
    """A rule set that would change what has been."""

    earliest: int

    code = "rules-out-of-order"
    category = Category.CONFLICT
    why = "A rule set takes effect after the version before it and never in the past."
    fix = "Use an effective time of `earliest` (seconds since 1970) or later."


@dataclass(eq=False)
class RulesUnknown(DomainError):
    """No such version."""

    code = "rules-unknown"
    category = Category.MISSING
    why = "There is no such version of these rules."
    fix = "List the versions with GET /v1/risk/rules/{scope}."


@dataclass(eq=False)
class RulesDecided(DomainError):
    """Published or declined already."""

    state: str

    code = "rules-decided"
    category = Category.CONFLICT
    why = "This version is decided already: `state`."
    fix = "Propose another version."


@dataclass(eq=False)
class RulesNeedSecondPerson(DomainError):
    """Who proposed rules does not publish them."""

    code = "rules-need-second-person"
    category = Category.FORBIDDEN
    why = "Rules are published by another person than the one who proposed them."
    fix = "Let another operator decide."


@dataclass(eq=False)
class ReviewUnknown(DomainError):
    """No such review, or not the caller's."""

    code = "review-unknown"
    category = Category.MISSING
    why = "No review has this id."
    fix = "List the reviews first."


@dataclass(eq=False)
class ReviewStepRefused(DomainError):
    """The review is in another state."""

    state: str
    step: str

    code = "review-step-refused"
    category = Category.CONFLICT
    why = "The review is `state`, or its deadline has passed: `step` does not fit."
    fix = "Look at the review; docs/fraud.md shows which step follows which."


@dataclass(eq=False)
class ChallengeUnknown(DomainError):
    """No open challenge of the member has this id."""

    code = "challenge-unknown"
    category = Category.MISSING
    why = "No open challenge of the member has this id, or its time is over."
    fix = "Try the payment again; it makes a new challenge."


@dataclass(eq=False)
class ChallengeNeedsPhone(DomainError):
    """A page confirms in place of the phone."""

    code = "challenge-needs-phone"
    why = "The member's own phone signs its payments; a page cannot confirm in its place."
    fix = "Sign a pay code with the challenge's `nonce` on the phone, or decline the payment."


@dataclass(eq=False)
class PaymentDeclined(DomainError):
    """The member has said no."""

    code = "payment-declined"
    why = "The member was asked on its phone and has declined this payment; nothing was booked."
    fix = "Sell without points, or ask the member; a sale without `step_up` asks once more."


@dataclass(eq=False)
class RefusalUnknown(DomainError):
    """Nothing of this id was refused to the member."""

    code = "refusal-unknown"
    category = Category.MISSING
    why = "No refusal of the member has this id; what was booked under review is appealed at its review."
    fix = "List GET /v1/members/{number}/refusals, or the reviews."


@dataclass(eq=False)
class AppealUnknown(DomainError):
    """Nobody has appealed."""

    code = "appeal-unknown"
    category = Category.MISSING
    why = "Nobody has appealed against this decision."
    fix = "List GET /v1/risk/appeals."


@dataclass(eq=False)
class AppealDecided(DomainError):
    """Appealed or answered before."""

    code = "appeal-decided"
    category = Category.CONFLICT
    why = "This refusal was appealed before, or the appeal is answered."
    fix = "Read the appeal and its answer in the member's refusals."


@dataclass(eq=False)
class StaffUnknown(DomainError):
    """No member is linked to the cashier."""

    cashier: str

    code = "staff-unknown"
    category = Category.MISSING
    why = "The merchant has linked no member to this cashier."
    fix = "List the links under /v1/staff-links."
