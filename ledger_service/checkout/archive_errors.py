"""What the checkout says of things that have moved into an archive (docs/archive.md)."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class AnswerArchived(DomainError):
    """The key had its effect long ago; the answer has moved into an archive."""

    key: str
    archive: str

    code = "answer-archived"
    category = Category.GONE
    why = "The request with this Idempotency-Key had its effect long ago; its answer stands in an archive."
    fix = "Do not send it again. Whoever runs the service finds the answer where `archive` says."


@dataclass(eq=False)
class SaleArchived(DomainError):
    """The sale can no longer come back, and has moved into an archive."""

    sale_id: str
    archive: str

    code = "sale-archived"
    category = Category.GONE
    why = "The sale is so old that it can no longer come back, and it has moved into an archive."
    fix = "Whoever runs the service finds basket, receipt and refunds where `archive` says."
