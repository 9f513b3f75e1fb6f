"""The entries at the top of a page by whom it is for, and which of them stands for a page."""

from __future__ import annotations

LINKS: dict[str, tuple[str, ...]] = {
    "member": ("/me", "/me/pay", "/me/coupons", "/me/history", "/me/data"),
    "cashier": ("/till", "/till/holds", "/till/returns", "/till/paid", "/till/shift", "/till/offline",
                "/till/cashier"),
    "merchant": (
        "/merchant", "/merchant/programmes", "/merchant/settlement", "/settlement/papers",
        "/merchant/coupons", "/merchant/segments", "/merchant/items", "/approvals/claims", "/sharing",
        "/approvals/rewards",
        "/merchant/sales", "/merchant/receipt", "/merchant/places", "/merchant/tills", "/merchant/staff",
        "/merchant/losses", "/approvals/adjustments", "/approvals/limits", "/operator/decisions",
        "/merchant/keys", "/acts", "/merchant/webhooks", "/devices",
    ),
    "operator": (
        "/operator", "/operator/merchants", "/operator/programmes", "/approvals/adjustments",
        "/approvals/limits", "/operator/cases", "/operator/reviews", "/operator/appeals",
        "/operator/decisions", "/operator/set-aside", "/approvals/claims", "/sharing", "/approvals/rewards",
        "/operator/imports", "/settlement/papers", "/operator/keys", "/acts", "/care", "/audit",
        "/audit/books", "/devices",
    ),
    "auditor": (
        "/audit", "/audit/books", "/audit/item", "/audit/operation", "/audit/members",
        "/operator/programmes", "/operator/cases", "/approvals/adjustments", "/approvals/limits",
        "/operator/decisions", "/approvals/claims", "/sharing", "/approvals/rewards", "/operator/imports",
        "/acts", "/settlement/papers", "/devices",
    ),
}  # fmt: skip
# Pages that lie beneath an entry which their own address does not begin with.
_BENEATH: dict[str, dict[str, str]] = {
    "member": {"/me/receipts": "/me/history", "/me/consents": "/me/data", "/me/reads": "/me/data",
               "/me/passkeys": "/me/data", "/me/cases": "/me/data", "/devices": "/me/data", "/item": "/me"},
    "cashier": {"/devices": "/till/cashier"},
    "merchant": {"/settlement": "/merchant/settlement", "/merchant/batches": "/merchant/items"},
    "operator": {"/settlement": "/audit"},
    "auditor": {"/settlement": "/audit"},
}  # fmt: skip


def entry_of(role: str, path: str) -> str:
    """The entry that stands for a page: of those whose address the page's own begins with, the longest.

    Args:
        role: whose entries.
        path: of the page, as ``/settlement/3/lines``.

    Returns:
        An address of ``LINKS``, or an empty text for a page that lies beneath none.
    """
    own = {link: link for link in LINKS.get(role, ())} | _BENEATH.get(role, {})
    above = [start for start in own if path == start or path.startswith(f"{start}/")]
    return own[max(above, key=len)] if above else ""
