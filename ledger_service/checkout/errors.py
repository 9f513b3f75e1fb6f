"""Every refusal of the checkout; the front door turns them into problem documents."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class IdempotencyKeyReused(DomainError):
    """The key has served another body."""

    key: str

    code = "idempotency-key-reused"
    why = "This Idempotency-Key was used before with another body, path or operation."
    fix = "Send the very same bytes to repeat a call, and a fresh key for a new one."


@dataclass(eq=False)
class RequestInFlight(DomainError):
    """The first call with this key has no answer yet."""

    retry_after_seconds: int

    code = "request-in-flight"
    category = Category.CONFLICT
    why = "The first request with this Idempotency-Key is still being worked on."
    fix = "Wait `retry_after_seconds` and send the same request again."


@dataclass(eq=False)
class StoreOfAnotherMerchant(DomainError):
    """The terminal's merchant does not run this store."""

    store: str

    code = "store-of-another-merchant"
    category = Category.FORBIDDEN
    why = "The store belongs to another merchant than the terminal."
    fix = "Use a terminal key of the merchant that runs the store."


@dataclass(eq=False)
class WrongCurrency(DomainError):
    """The basket's currency is not the alliance's."""

    currency: str
    expected: str

    code = "wrong-currency"
    why = "This alliance settles in another currency than the basket."
    fix = "Send the basket in the currency named in `expected`."


@dataclass(eq=False)
class ProgrammeFrozenForMember(DomainError):
    """The chain refused an operation of this member in this programme (D7)."""

    programme: str

    code = "programme-frozen-for-member"
    why = "The member's points of this programme are frozen while the operator settles a difference."
    fix = "Pay with points of another programme or with money."


@dataclass(eq=False)
class HoldFrozen(DomainError):
    """The member was frozen after the points were held."""

    hold: str

    code = "hold-frozen"
    why = "The member was frozen after these points were held, so nothing is captured from them."
    fix = (
        "Void the hold and take money. Where the goods left before the freeze, say when in `delivered_at`;"
        " the merchant answers for it."
    )


@dataclass(eq=False)
class UnknownProgramme(DomainError):
    """No such programme."""

    programme: str

    code = "unknown-programme"
    why = "No programme of this alliance has that code."
    fix = "Ask GET /v1/programmes for the codes."


@dataclass(eq=False)
class ProgrammeWithoutTerms(DomainError):
    """No terms of the programme are in force."""

    programme: str

    code = "programme-without-terms"
    why = "The programme has no terms in force at acceptance: its first are to come, or it has ended."
    fix = "Wait for the first terms; what is left of an ended programme converts by itself."


@dataclass(eq=False)
class CalendarExhausted(DomainError):
    """The programme's calendar ends too soon to put points into."""

    programme: str

    code = "calendar-exhausted"
    why = "The programme's calendar has no epoch left that points can be put into."
    fix = "The issuer must append epochs; then send the request again."


@dataclass(eq=False)
class NotEnoughPoints(DomainError):
    """Not enough points that can be spent now."""

    programme: str
    required: int
    available: int

    code = "not-enough-points"
    why = "The member has fewer spendable points of the programme than asked for."
    fix = "Ask for at most `available` points, or for a maximum value."


@dataclass(eq=False)
class TooManyLegs(DomainError):
    """The spend would need more than eight lots."""

    legs: int
    most: int

    code = "too-many-legs"
    why = "The points asked for lie in more programmes and expiry epochs than one operation may touch."
    fix = "Ask for fewer points or fewer programmes, or split the payment into two sales."


@dataclass(eq=False)
class SpendExceedsTotal(DomainError):
    """The points are worth more than the basket."""

    value_minor: int
    total_minor: int

    code = "spend-exceeds-total"
    why = "The points asked for are worth more than what points may pay of the basket."
    fix = "Ask for points worth at most `total_minor`; some kinds of goods cannot be paid with points."


@dataclass(eq=False)
class SpendWorthNothing(DomainError):
    """The points are worth less than one minor unit."""

    programme: str

    code = "spend-worth-nothing"
    why = "The points asked for are worth less than the smallest unit of the currency."
    fix = "Ask for more points, or pay with money."


@dataclass(eq=False)
class PermitValueExceeded(DomainError):
    """The permit allows less value."""

    value_micros: int
    max_value_micros: int

    code = "permit-value-exceeded"
    why = "The points asked for are worth more than the member's pay code allows."
    fix = "Ask for less, or have the member show a code for a greater value."


@dataclass(eq=False)
class ClockSkew(DomainError):
    """The till's clock is off."""

    accepted_at: int
    now: int

    code = "clock-skew"
    why = "The time of acceptance is further from the service's clock than tolerated."
    fix = "Set the till's clock and send the sale with the right time."


@dataclass(eq=False)
class AcceptanceForged(DomainError):
    """Not signed by the till."""

    terminal: str

    code = "acceptance-forged"
    category = Category.FORBIDDEN
    why = "The acceptance is not signed by the till key of the terminal."
    fix = "Sign with the registered till key, or register the new one."


@dataclass(eq=False)
class UnknownSale(DomainError):
    """No such sale of this merchant."""

    sale: str

    code = "unknown-sale"
    category = Category.MISSING
    why = "The merchant has no sale with that id."
    fix = "Check the id; a sale is refunded by the merchant that made it."


@dataclass(eq=False)
class SaleWasImported(DomainError):
    """The sale was made in another system, which alone knows what it spent and earned."""

    sale: str
    reference: str

    code = "sale-was-imported"
    why = "The sale `reference` was made before this ledger, which knows neither its lines nor its points."
    fix = "Give the money back at the till; points that it spent come back by an adjustment."


@dataclass(eq=False)
class UnknownLine(DomainError):
    """The sale has no such line."""

    line: str

    code = "unknown-line"
    why = "The sale has no line with that name."
    fix = "Use the line names of the sale."


@dataclass(eq=False)
class RefundExceedsSale(DomainError):
    """More pieces than were sold and not yet returned (INV-13)."""

    line: str
    quantity: int
    left: int

    code = "refund-exceeds-sale"
    why = "More pieces of the line are returned than were sold and not yet refunded."
    fix = "Refund at most `left` pieces of the line."


@dataclass(eq=False)
class EventNotAwaited(DomainError):
    """Nothing that the sale earned waits for this event."""

    event: str

    code = "event-not-awaited"
    why = "No points that the sale earned wait, or ever waited, for an event of this name."
    fix = "Use the name in `awaits` of the sale's earn; other events need not be told."


@dataclass(eq=False)
class EventRecorded(DomainError):
    """The event was told before, under another key."""

    event: str
    recorded_at: str

    code = "event-recorded"
    category = Category.CONFLICT
    why = "This event of the sale was recorded before, at `recorded_at`; it counts once."
    fix = "Nothing is left to do; to repeat a call, use its own Idempotency-Key."


@dataclass(eq=False)
class EventTooLate(DomainError):
    """The points' deadline came before the event."""

    event: str
    deadline: str

    code = "event-too-late"
    why = "The points that awaited the event vested or lapsed at their deadline, as the earn rule says."
    fix = "Tell events before `deadline`; points lost for a late report are given back as an adjustment."


@dataclass(eq=False)
class NothingToHold(DomainError):
    """No point that could be held."""

    code = "nothing-to-hold"
    why = "None of the member's points can pay for this basket, so there is nothing to authorise."
    fix = "Sell without points."
