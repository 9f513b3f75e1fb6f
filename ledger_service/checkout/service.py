"""Checkout for the front door: quote, sale, authorise, capture, void, extend, refund, revoke, find."""

from __future__ import annotations

from datetime import datetime

from ledger_service.checkout.answers import Answer
from ledger_service.checkout.requests import (
    AuthoriseRequest,
    Caller,
    CaptureRequest,
    ExtendRequest,
    RefundRequest,
    RevokeRequest,
    SaleRequest,
    VoidRequest,
    Write,
)


class CheckoutService:
    """The commands of the checkout; one instance serves all request threads of a process."""

    def quote(self, caller: Caller, request: SaleRequest, at: datetime) -> bytes:
        """What this basket would spend and earn now, each with the rule that decided; changes nothing."""
        raise NotImplementedError

    def sale(self, write: Write, request: SaleRequest) -> Answer:
        """The basket is sold, its points are spent and earned: 201."""
        raise NotImplementedError

    def authorise(self, write: Write, request: AuthoriseRequest) -> Answer:
        """The points are held for the terminal's merchant: 201."""
        raise NotImplementedError

    def capture(self, write: Write, request: CaptureRequest) -> Answer:
        """Part or all of a hold became a sale: 201."""
        raise NotImplementedError

    def void(self, write: Write, request: VoidRequest) -> Answer:
        """The hold is closed and its points are free: 200."""
        raise NotImplementedError

    def extend(self, write: Write, request: ExtendRequest) -> Answer:
        """The hold lives until the new deadline: 200."""
        raise NotImplementedError

    def refund(self, write: Write, request: RefundRequest) -> Answer:
        """The pieces are taken back, spend and earn reversed: 201."""
        raise NotImplementedError

    def revoke(self, write: Write, request: RevokeRequest) -> Answer:
        """The pay code is worthless from now on, also a late original of it: 200."""
        raise NotImplementedError

    def find_sale(self, caller: Caller, sale_id: bytes) -> bytes:
        """The sale with its refunds so far as JSON, for the merchant that made it."""
        raise NotImplementedError
