"""How conversions and ends of programmes are refused."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ConversionNotOffered(DomainError):
    """No terms between the two programmes are in force."""

    programme: str
    target: str

    code = "conversion-not-offered"
    category = Category.CONFLICT
    why = "Points of `programme` do not convert into `target` now: no terms between the two are in force."
    fix = "Ask GET /v1/programmes/{code}/conversions what the programme converts into, and from when on."


@dataclass(eq=False)
class ConversionRefused(DomainError):
    """These points cannot be converted."""

    reason: str

    code = "conversion-refused"
    why = "These points cannot be converted now, as `reason` says."
    fix = (
        "too-few: more points, worth at least one of the target; epochs: fewer points, of at most eight ends;"
        " frozen: wait for the operator; household: convert points of your own; calendar: the target's issuer"
        " appends epochs; same-programme: name two."
    )


@dataclass(eq=False)
class ConversionBelowLeast(DomainError):
    """Less comes of the points than was quoted."""

    receives: int
    least_points: int

    code = "conversion-below-least"
    category = Category.CONFLICT
    why = "A point value or the spread has changed: the points come to less than the permit wants at least."
    fix = "Ask for a new quote and sign a permit for what it says."


@dataclass(eq=False)
class ConversionPermitInvalid(DomainError):
    """The permit does not speak for the member."""

    reason: str

    code = "conversion-permit-invalid"
    why = "The permit is expired, was used, or is not signed by an active device of the member."
    fix = "Sign a fresh conversion permit with an active device."


@dataclass(eq=False)
class ConversionTermsInvalid(DomainError):
    """Conversion terms that the registry would refuse."""

    reason: str

    code = "conversion-terms-invalid"
    why = "Conversion terms are between two programmes, end only what has begun, and follow the terms before."
    fix = "`reason` says which: same-programme, nothing-to-end or not-later."


@dataclass(eq=False)
class ProgrammeEnds(DomainError):
    """The programme's end was announced."""

    programme: str
    ends_at: str

    code = "programme-ends"
    category = Category.CONFLICT
    why = "The end of the programme was announced, once and for good: its terms change no more."
    fix = "Nothing: members convert until then by the terms that are published, and the rest afterwards."


@dataclass(eq=False)
class EndInvalid(DomainError):
    """An end that the registry would refuse, or that breaks a promise."""

    reason: str

    code = "programme-end-invalid"
    why = "The announced end is not one that members and the other merchant can rely on, as `reason` says."
    fix = (
        "same-programme, target-ends: another target; issues-outlast: issues end no later than the programme;"
        " terms-follow: issues end after the last published terms; promises-outlast: issues end after the"
        " last pending points have vested; receives: issues end after what ends into it has converted."
    )
