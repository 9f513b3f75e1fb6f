"""Every refusal of the points room."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ProgrammeKnown(DomainError):
    """The id or the code is taken."""

    programme: str

    code = "programme-known"
    category = Category.CONFLICT
    why = "A programme with this id or code exists already."
    fix = "Use another code; a programme's id comes from the registry on chain."


@dataclass(eq=False)
class ProgrammeUnknown(DomainError):
    """No such programme."""

    programme: str

    code = "programme-unknown"
    category = Category.MISSING
    why = "No programme of this alliance has that code."
    fix = "Ask GET /v1/programmes for the codes."


@dataclass(eq=False)
class TermsOutOfOrder(DomainError):
    """Terms or rules that do not follow the version before."""

    version: int
    expected: int

    code = "terms-out-of-order"
    category = Category.CONFLICT
    why = "Versions follow each other without a gap, and each takes effect after the one before."
    fix = "Publish version `expected` with a later time of effect."


@dataclass(eq=False)
class NoticeTooShort(DomainError):
    """Terms that take effect too soon."""

    earliest: int

    code = "notice-too-short"
    why = "New terms need a notice longer than the mining window, so that no accepted operation is undone."
    fix = "Let the terms take effect at `earliest` or later."


@dataclass(eq=False)
class RegistryTooOld(DomainError):
    """The registry is older than terms of pairs and bases of settlement."""

    code = "registry-too-old"
    category = Category.CONFLICT
    why = "This alliance's registry was created before it took terms of pairs and bases of settlement."
    fix = "Settle the difference outside; only an alliance that is founded anew has them."


@dataclass(eq=False)
class PairInvalid(DomainError):
    """Not two merchants, an end of terms that there are not, or another pool."""

    reason: str

    code = "pair-invalid"
    why = "It takes an issuer and another merchant; terms that have begun, to end them; the pool of before."
    fix = "`reason` says which: same-merchant, nothing-to-end or another-pool."


@dataclass(eq=False)
class CalendarOutOfOrder(DomainError):
    """Epochs that do not follow the calendar."""

    epoch: int

    code = "calendar-out-of-order"
    category = Category.CONFLICT
    why = "Epochs are only appended, each with a later end than the one before."
    fix = "Append epochs that end after the last one."


@dataclass(eq=False)
class ExpiryByTimeAlone(DomainError):
    """Terms that the law of the programme's jurisdiction does not allow."""

    jurisdiction: str

    code = "expiry-by-time-alone"
    why = "Under these terms points would end by the passage of time alone, which `jurisdiction` forbids."
    fix = "Let the points never expire: a last epoch without an end, and a validity that reaches it."


@dataclass(eq=False)
class GiftToSelf(DomainError):
    """Giver and recipient are one."""

    code = "gift-to-self"
    why = "A gift goes to another member."
    fix = "Name another recipient."


@dataclass(eq=False)
class GiftRefused(DomainError):
    """The legs of a gift are not what may be given."""

    reason: str

    code = "gift-refused"
    why = "A gift is one to eight legs of one programme with points of open epochs, each epoch once."
    fix = "Sign a gift permit over points that the member can spend now."


@dataclass(eq=False)
class GiftPermitInvalid(DomainError):
    """The gift permit does not speak for the giver."""

    reason: str

    code = "gift-permit-invalid"
    why = "The gift permit is expired, was used, or is not signed by an active device of the giver."
    fix = "Sign a fresh gift permit with an active device."


@dataclass(eq=False)
class AdjustmentUnknown(DomainError):
    """No such request."""

    adjustment: str

    code = "adjustment-unknown"
    category = Category.MISSING
    why = "There is no adjustment, and no proposed limit, with that id."
    fix = "Check the id that the request answered."


@dataclass(eq=False)
class AdjustmentDecided(DomainError):
    """Decided before."""

    adjustment: str
    state: str

    code = "adjustment-decided"
    category = Category.CONFLICT
    why = "The adjustment was decided before, as `state` says."
    fix = "Ask for a new adjustment if there is still a reason."


@dataclass(eq=False)
class SecondPersonNeeded(DomainError):
    """The one who asks may not approve (D18)."""

    code = "second-person-needed"
    category = Category.FORBIDDEN
    why = "What one operator asked for is decided by another, whatever key either used."
    fix = "Let an operator of another name decide, with a key of its own."


@dataclass(eq=False)
class AdjustmentLimitReached(DomainError):
    """Over one of the limits in force."""

    which: str
    points: int
    limit: int

    code = "adjustment-limit-reached"
    why = (
        "Adjustments are limited, as `which` says: each case, an agent's day, a member's month and a "
        "funder's day."
    )
    fix = "Ask for less or wait; or let the funder's limits be raised, which takes a second person."


@dataclass(eq=False)
class NotIssuable(DomainError):
    """The programme cannot issue now."""

    programme: str
    reason: str

    code = "not-issuable"
    why = "The programme cannot issue these points now, as `reason` says."
    fix = "The issuer raises its cap, appends epochs or waits for its terms to take effect."


@dataclass(eq=False)
class InactivityTooShort(DomainError):
    """The law of the place asks for a longer inactivity."""

    jurisdiction: str

    code = "inactivity-too-short"
    why = "Under the programme's jurisdiction points may lapse after a longer inactivity only."
    fix = "Let the terms be valid for more epochs, and continue the calendar as far as that needs."


@dataclass(eq=False)
class ActivitiesTooFew(DomainError):
    """The law of the place counts more as activity than the policy does."""

    jurisdiction: str

    code = "activities-too-few"
    why = "Under the programme's jurisdiction more activities must keep points alive than the policy names."
    fix = "Let `earn` and `redeem` count as activity."


@dataclass(eq=False)
class ActivityWithdrawn(DomainError):
    """Members were promised that this keeps their points."""

    programme: str

    code = "activity-withdrawn"
    why = "An activity that keeps the programme's points alive can be added, but never taken away."
    fix = "Name the activities that count already together with the new ones."


@dataclass(eq=False)
class HouseTakesNoExtensions(DomainError):
    """The contract in force is older than extensions."""

    code = "house-takes-no-extensions"
    why = "The ClearingHouse in force was created before points could get a later end."
    fix = "Let the operator change the ClearingHouse (`alliance house migrate`), then try again."


@dataclass(eq=False)
class NothingToExtend(DomainError):
    """No available points in that lot, or no later epoch."""

    programme: str
    epoch: int

    code = "nothing-to-extend"
    why = "The member has no available points in that epoch any more, or the later epoch has ended too."
    fix = "Decline it, look at the member's lots, and ask anew."


@dataclass(eq=False)
class IssuerSuspended(DomainError):
    """The programme's merchant may not do business now."""

    programme: str

    code = "issuer-suspended"
    why = "The merchant that issues the programme is suspended, so nothing of it is issued or given away."
    fix = "Try again once the merchant is reinstated; points that members have stay theirs."


@dataclass(eq=False)
class CustodialLimitExceeded(DomainError):
    """The limit for members without a device."""

    value_micros: int
    limit_micros: int

    code = "custodial-limit-exceeded"
    why = "Members whose key is in custody may spend only so much per code and per day."
    fix = "Ask for less, or have the member register a device."


@dataclass(eq=False)
class OperationAdopted(DomainError):
    """The request's operation was taken over from the chain; its rows were lost with a database."""

    operation: str
    batch: int
    block: int

    code = "operation-adopted"
    category = Category.CONFLICT
    why = (
        "A database was lost and restored, and what this request had done was taken over from the chain: its"
        " points have moved, as `operation` in `block` says. Its basket and receipt are lost."
    )
    fix = (
        "Do not send it again, under this key or another: the points would move twice. Keep this answer in"
        " the place of the receipt."
    )
