"""What a member types or shows and a till never writes down: PINs, one-time codes, codes of value cards.

A sale with one of them is kept without it. So the till can neither take it alone nor ask for it again by
itself: only while it asks does it know the secret, and afterwards it can find out what became of the sale, or
end it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
# In the book's basket: something was shown that is not in it.
_MARK = "typed"
_OF_MEMBER = frozenset({"pin", "code"})
_OF_TENDER = frozenset({"card", "pin"})
_ONE_LINE = [{"line": "1", "category": "CANCELLED", "quantity": 1, "amount_minor": 0}]


def kept(body: Mapping[str, Any]) -> Json:
    """The basket as it may be written down: without secrets, and marked where it had some."""
    plain = dict(body)
    if plain.get("member") is not None:
        plain["member"] = _without(plain["member"], _OF_MEMBER)
    if plain.get("tenders") is not None:
        plain["tenders"] = [_without(one, _OF_TENDER) for one in plain["tenders"]]
    return plain if plain == body else plain | {_MARK: True}


def completed(written: Mapping[str, Any], body: Mapping[str, Any]) -> Json:
    """The basket that was written down, with the secrets of the same one as it is rung up again."""
    if not is_marked(written):
        return dict(written)
    shown = {name: body[name] for name in ("member", "tenders") if name in body}
    return {name: value for name, value in written.items() if name != _MARK} | shown


def is_marked(written: Mapping[str, Any]) -> bool:
    """Whether a basket in the book lacks what was shown with it."""
    return bool(written.get(_MARK))


def ending(written: Mapping[str, Any]) -> bytes:
    """The request that uses up the key of a sale: one in training, which nothing real shares a key with.

    An original that arrives later is refused (``idempotency-key-reused``), as a revoked pay code is (D6).
    """
    place = {name: written[name] for name in ("store", "currency", "reference")}
    return json.dumps({**place, "lines": _ONE_LINE, "training": True}).encode()


def _without(named: Mapping[str, Any], secrets: frozenset[str]) -> Json:
    return {name: value for name, value in named.items() if name not in secrets}
