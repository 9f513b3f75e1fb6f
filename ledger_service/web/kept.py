"""What somebody typed into a form that could not be taken: kept on the page that says so, but for secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from ledger_service.web.screen import ONCE, Page

_ONCE = re.compile("[0-9a-f]{32}")
# What a page fills in by itself, and what must stand on no page.
_OWN = frozenset({"csrf", ONCE, "deed"})
_SECRET = frozenset({"csrf", "key", "pin", "card_pin", "credential", "password"})


def typed_in(form: Mapping[str, str]) -> dict[str, str]:
    """The fields that a person may have filled in, secrets left out."""
    return {name: text for name, text in form.items() if text and name not in _OWN | _SECRET}


def kept(form: Mapping[str, str], why: str, enter: str, status: int) -> Page:
    """Nothing was done, and what was typed can be sent once more after logging in.

    The key under which the write is done once stays the same, so it is done once whatever is pressed.

    Args:
        form: as sent.
        why: key of the sentence that says what happened.
        enter: where one logs in.
        status: of the answer.
    """
    again = {name: text for name, text in form.items() if name not in _SECRET}
    return Page("kept.html", {"why": why, "enter": enter, "typed": typed_in(form), "again": again}, status)


def once_of(form: Mapping[str, str], status: int) -> str:
    """The key for the forms of a page: a fresh one for each page, under which a write is done once.

    After a 5xx nobody knows whether the write was done. Then the key that was sent stands there again:
    whoever presses the button once more gets the first answer, not a second sale.

    Args:
        form: as sent; empty where the page was only asked for.
        status: of the page's answer.
    """
    sent = form.get(ONCE, "")
    return sent if status >= 500 and _ONCE.fullmatch(sent) else secrets.token_hex(16)
