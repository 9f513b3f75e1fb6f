"""The screens by whom they serve; ``SCREENS`` is what the application answers and the role table tests."""

from __future__ import annotations

from ledger_service.web.screen import Screen
from ledger_service.web.screens import (
    audit,
    door,
    item,
    landing,
    member,
    member_cases,
    member_checks,
    member_convert,
    member_more,
    member_paid,
    member_rights,
    merchant,
    offices,
    operator,
    passkeys,
    share_rewards,
    till,
    till_desk,
    till_paid,
)

SCREENS: tuple[Screen, ...] = (
    *door.SCREENS, *item.SCREENS, *landing.SCREENS, *member.SCREENS, *member_more.SCREENS,
    *member_cases.SCREENS, *member_checks.SCREENS, *member_convert.SCREENS, *member_paid.SCREENS,
    *member_rights.SCREENS, *share_rewards.MINE, *passkeys.SCREENS, *till.SCREENS,
    *till_desk.SCREENS, *till_paid.SCREENS, *merchant.SCREENS,
    *audit.SCREENS, *operator.SCREENS, *offices.SCREENS,
)  # fmt: skip
