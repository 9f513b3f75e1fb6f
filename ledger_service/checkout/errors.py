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
class UnknownStore(DomainError):
    """No such store, or it is closed."""

    store: str

    code = "unknown-store"
    category = Category.MISSING
    why = "No active store of this alliance has that GLN."
    fix = "Check the GLN of the store."


@dataclass(eq=False)
class UnknownTerminal(DomainError):
    """The terminal is not known or no longer active."""

    terminal: str

    code = "unknown-terminal"
    category = Category.FORBIDDEN
    why = "The terminal behind this API key is not registered or not active."
    fix = "Have the merchant register the terminal or use the key of another one."


@dataclass(eq=False)
class StoreOfAnotherMerchant(DomainError):
    """The terminal's merchant does not run this store."""

    store: str

    code = "store-of-another-merchant"
    category = Category.FORBIDDEN
    why = "The store belongs to another merchant than the terminal."
    fix = "Use a terminal key of the merchant that runs the store."


@dataclass(eq=False)
class MerchantSuspended(DomainError):
    """The merchant may not accept or issue."""

    merchant: str

    code = "merchant-suspended"
    category = Category.FORBIDDEN
    why = "The merchant is suspended in this alliance."
    fix = "Talk to the operator of the alliance."


@dataclass(eq=False)
class WrongCurrency(DomainError):
    """The basket's currency is not the alliance's."""

    currency: str
    expected: str

    code = "wrong-currency"
    why = "This alliance settles in another currency than the basket."
    fix = "Send the basket in the currency named in `expected`."


@dataclass(eq=False)
class UnknownMember(DomainError):
    """No such member."""

    member: str

    code = "unknown-member"
    category = Category.MISSING
    why = "No member has that number or account."
    fix = "Scan the member's code again, or go on without a member."


@dataclass(eq=False)
class MemberFrozen(DomainError):
    """The member is frozen as a whole."""

    member: str

    code = "member-frozen"
    why = "The member is frozen: neither earning nor spending until the operator lifts it."
    fix = "Go on without the member; the member should talk to the operator."


@dataclass(eq=False)
class ProgrammeFrozenForMember(DomainError):
    """The chain refused an operation of this member in this programme (D7)."""

    programme: str

    code = "programme-frozen-for-member"
    why = "The member's points of this programme are frozen while the operator settles a difference."
    fix = "Pay with points of another programme or with money."


@dataclass(eq=False)
class UnknownProgramme(DomainError):
    """No such programme."""

    programme: str

    code = "unknown-programme"
    why = "No programme of this alliance has that code."
    fix = "Ask GET /v1/programmes for the codes."


@dataclass(eq=False)
class ProgrammeWithoutTerms(DomainError):
    """No terms of the programme are in force yet."""

    programme: str

    code = "programme-without-terms"
    why = "The programme has no terms in force at the time of acceptance, so its points have no value yet."
    fix = "Wait until the merchant's first terms take effect."


@dataclass(eq=False)
class CalendarExhausted(DomainError):
    """The programme's calendar ends too soon to put points into."""

    programme: str

    code = "calendar-exhausted"
    why = "The programme's calendar has no epoch left that points can be put into."
    fix = "The issuer must append epochs; then send the request again."


@dataclass(eq=False)
class InsufficientPoints(DomainError):
    """Not enough points that can be spent now."""

    programme: str
    required: int
    available: int

    code = "insufficient-points"
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
    why = "The points asked for are worth more than the basket."
    fix = "Ask for points worth at most `total_minor`."


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
class CustodialLimitExceeded(DomainError):
    """The limit for members without a device."""

    value_micros: int
    limit_micros: int

    code = "custodial-limit-exceeded"
    why = "Members whose key is in custody may spend only so much per code and per day."
    fix = "Ask for less, or have the member register a device."


@dataclass(eq=False)
class PayCodeMalformed(DomainError):
    """Not a pay code."""

    reason: str

    code = "pay-code-malformed"
    category = Category.MALFORMED
    why = "The text is not a pay code of this system."
    fix = "Scan the code again."


@dataclass(eq=False)
class PayCodeForeign(DomainError):
    """A pay code of another alliance."""

    tag: str

    code = "pay-code-foreign"
    why = "The pay code belongs to another alliance or another network."
    fix = "The member must open the code of this alliance."


@dataclass(eq=False)
class PayCodeAltered(DomainError):
    """The signature is not one of the account's active signers."""

    account: str

    code = "pay-code-altered"
    why = "No active device of its account has signed the pay code: it was altered, or the device revoked."
    fix = "The member must show a fresh code from a registered device."


@dataclass(eq=False)
class PayCodeExpired(DomainError):
    """Too late."""

    valid_until: int

    code = "pay-code-expired"
    why = "The pay code was accepted after the end of its validity."
    fix = "The member's phone shows a fresh code; scan that one."


@dataclass(eq=False)
class PayCodeTooFarAhead(DomainError):
    """Valid longer than a pay code may be."""

    valid_until: int

    code = "pay-code-too-far-ahead"
    why = "The pay code is valid for longer than any pay code may be: a clock is wrong, or it was forged."
    fix = "Correct the clock of the phone and show a fresh code."


@dataclass(eq=False)
class PayCodeUsed(DomainError):
    """Single use."""

    nonce: str

    code = "pay-code-used"
    category = Category.CONFLICT
    why = "The pay code has paid once already."
    fix = "Look up the earlier sale, or scan a fresh code."


@dataclass(eq=False)
class PayCodeRevoked(DomainError):
    """The till revoked it."""

    nonce: str

    code = "pay-code-revoked"
    category = Category.CONFLICT
    why = "A till revoked this pay code before it was used."
    fix = "Scan a fresh code."


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
class UnknownHold(DomainError):
    """No such hold for this merchant."""

    hold: str

    code = "unknown-hold"
    category = Category.MISSING
    why = "The merchant has no hold with that id."
    fix = "Check the id that the authorisation answered."


@dataclass(eq=False)
class HoldClosed(DomainError):
    """Captured in full, voided or expired before (INV-3)."""

    hold: str
    closed_by: str

    code = "hold-closed"
    category = Category.CONFLICT
    why = "The hold was closed before, as `closed_by` says, and stays so."
    fix = "Authorise again."


@dataclass(eq=False)
class HoldExpired(DomainError):
    """Past its deadline."""

    hold: str
    expires_at: int

    code = "hold-expired"
    category = Category.CONFLICT
    why = "The deadline of the hold has passed."
    fix = "Authorise again, and extend a hold in time."


@dataclass(eq=False)
class HoldExtendedTooFar(DomainError):
    """Three days after the authorisation are over."""

    hold: str
    latest: int

    code = "hold-extended-too-far"
    why = "A hold ends at the latest three days after its authorisation."
    fix = "Capture before `latest`, or authorise again."


@dataclass(eq=False)
class CaptureExceedsHold(DomainError):
    """More points than are held (INV-3)."""

    programme: str
    required: int
    held: int

    code = "capture-exceeds-hold"
    why = "The capture asks for more points of the programme than the hold still has."
    fix = "Capture at most `held` points, or authorise the rest apart."


@dataclass(eq=False)
class UnknownSale(DomainError):
    """No such sale of this merchant."""

    sale: str

    code = "unknown-sale"
    category = Category.MISSING
    why = "The merchant has no sale with that id."
    fix = "Check the id; a sale is refunded by the merchant that made it."


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
