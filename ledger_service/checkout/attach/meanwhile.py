"""A sale may get its member while another write on it waits for the lock: that write then decides again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MemberJoined(Exception):
    """The sale has another member than the one whose rows the command has locked: submit it again."""


def check_same_member(row: Mapping[str, Any], locked_for: int | None) -> None:
    """The sale still has the member that it had when the locks were chosen.

    Raises:
        MemberJoined: somebody has attached it meanwhile.
    """
    if row["member_id"] != locked_for:
        raise MemberJoined
