"""The screens of the back offices that are built of blocks; ``SCREENS`` joins those of the other modules."""

from __future__ import annotations

from ledger_service.web.screen import Screen
from ledger_service.web.screens import (
    approvals,
    audit_books,
    audit_operation,
    care_desk,
    keys_desk,
    merchant_coupons,
    merchant_items,
    merchant_places,
    merchant_programmes,
    merchant_segments,
    merchant_webhooks,
    operator_appeals,
    operator_programmes,
    operator_retries,
    operator_watch,
    papers,
    share_rewards,
    sharing_desk,
)

SCREENS: tuple[Screen, ...] = (
    *merchant_programmes.SCREENS, *merchant_coupons.SCREENS, *merchant_places.SCREENS, *keys_desk.SCREENS,
    *approvals.SCREENS, *operator_programmes.SCREENS, *operator_watch.SCREENS, *operator_retries.SCREENS,
    *care_desk.SCREENS, *audit_books.SCREENS, *audit_operation.SCREENS, *merchant_segments.SCREENS,
    *merchant_webhooks.SCREENS, *papers.SCREENS, *merchant_items.SCREENS, *share_rewards.SCREENS,
    *operator_appeals.SCREENS, *sharing_desk.SCREENS,
)  # fmt: skip
