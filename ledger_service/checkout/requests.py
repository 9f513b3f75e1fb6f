"""What a till may ask for, as frozen values; ``parsing`` makes them from JSON, the service takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from ledger_service.checkout.basket import PIECE, LineDetail, Tender
from ledger_service.checkout.invoices import Invoice
from ledger_service.checkout.shifts import NO_SHIFT, Shift
from ledger_service.kernel.errors import DomainError

DEFAULT_TTL_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a basket: ``amount_minor`` (>= 0, tax in it) for all its ``quantity`` pieces.

    ``detail`` is None for a plain line; else it may say that ``quantity`` counts grams or thousandths.
    """

    line: str
    category: str
    quantity: int
    amount_minor: int
    sku: str | None = None
    gtin: str | None = None
    detail: LineDetail | None = None

    @property
    def unit(self) -> str:
        """What ``quantity`` counts."""
        return PIECE if self.detail is None else self.detail.unit


@dataclass(frozen=True, slots=True)
class Presented:
    """How the member showed up: a signed pay code, 18 changing digits, the member number, a card or a phone.

    A card with its ``pin``, and any of the last three with the ``code`` that was sent, may pay.
    """

    pay_code: str | None = None
    digits: str | None = None
    number: str | None = None
    card: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    code: str | None = field(default=None, repr=False)

    @property
    def may_spend(self) -> bool:
        """Whether this carries the member's will; a bare number or card earns only."""
        return bool(self.pay_code or self.digits or self.pin or self.code)


@dataclass(frozen=True, slots=True)
class SpendLeg:
    """So many points of one programme."""

    programme: str
    points: int


@dataclass(frozen=True, slots=True)
class Spend:
    """What to pay with points: explicit ``legs``, or up to ``max_value_minor``, soonest expiry first."""

    legs: tuple[SpendLeg, ...] = ()
    max_value_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When the till took the pay code, signed by its till key (D2, D3)."""

    accepted_at: datetime
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class SaleRequest:
    """A basket at a store, perhaps with a member, perhaps partly paid in points; also the body of a quote.

    ``cashier`` is who serves, by the merchant's own name; ``step_up`` the challenge that the code answers.
    """

    store: int
    currency: str
    lines: tuple[Line, ...]
    reference: str = ""
    member: Presented | None = None
    spend: Spend | None = None
    acceptance: Acceptance | None = None
    tenders: tuple[Tender, ...] = ()
    invoice: Invoice | None = None
    shift: Shift = NO_SHIFT
    step_up: bytes | None = None


@dataclass(frozen=True, slots=True)
class AuthoriseRequest:
    """A sale whose points are only held; ``several`` announces more than one capture (D17)."""

    sale: SaleRequest
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    several: bool = False


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """Turn a hold, or part of it, into a sale of ``lines``; ``final`` frees what is left.

    ``spend`` absent takes as much of the hold as the lines can use. ``delivered_at`` is the merchant's word
    on when the goods left, which counts where the member was frozen later.
    """

    hold_id: bytes
    lines: tuple[Line, ...]
    reference: str
    spend: Spend | None = None
    final: bool = True
    delivered_at: datetime | None = None
    tenders: tuple[Tender, ...] = ()
    invoice: Invoice | None = None
    shift: Shift = NO_SHIFT


@dataclass(frozen=True, slots=True)
class VoidRequest:
    """Free a hold."""

    hold_id: bytes
    shift: Shift = NO_SHIFT


@dataclass(frozen=True, slots=True)
class ExtendRequest:
    """Keep a hold for ``ttl_seconds`` from now, at most three days after its authorisation."""

    hold_id: bytes
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class RefundLine:
    """So much of a line of the sale, counted in ``unit``."""

    line: str
    quantity: int
    unit: str = PIECE


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Take back pieces of a sale; ``lines`` empty means all that is left."""

    sale_id: bytes
    reference: str
    lines: tuple[RefundLine, ...]
    allowance: Invoice | None = None
    shift: Shift = NO_SHIFT


@dataclass(frozen=True, slots=True)
class EventRequest:
    """Something happened to a sale that points may wait for: it was delivered, paid …"""

    sale_id: bytes
    event: str


@dataclass(frozen=True, slots=True)
class RevokeRequest:
    """Make a pay code worthless, known or not; a late original is refused (D6)."""

    pay_code: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the API key's ``subject`` (the scope of idempotency keys) and the terminal it belongs to.

    ``suspended`` says that the merchant may not do business now, ``store_gln`` where the terminal stands.
    ``points_most_minor`` is what a self-checkout may take in points in one sale, None for a till; what a
    terminal in ``training`` does has no effect.
    """

    subject: str
    merchant_id: int
    terminal_id: str
    till_key: bytes | None = None
    suspended: bool = False
    store_gln: int | None = None
    points_most_minor: int | None = None
    training: bool = False

    @property
    def self_checkout(self) -> bool:
        """Whether nobody stands there who answers for it."""
        return self.points_most_minor is not None


@dataclass(frozen=True, slots=True)
class Write:
    """The frame of every write: caller, idempotency key, hash of the body, and the instant of the request.

    ``refusal`` is what the door found wrong with a fresh request; a repeated one gets its answer (D6).
    """

    caller: Caller
    key: str
    body_hash: bytes
    at: datetime
    refusal: DomainError | None = None


def body_hash(operation: str, target: str, body: bytes) -> bytes:
    """SHA-256 over the name of the operation, the id in its path and the raw body: 32 bytes (R1)."""
    frame = f"{operation}\n{target}\n".encode()
    return sha256(frame + body).digest()
