"""Bodies with a PIN, a code, a card, a person or a bank account: what an idempotency key keeps of them.

The hash of a body is kept for ever. Of four digits and a basket that is known it would tell the digits to
whoever has the table, so it is keyed with a secret that no table holds.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ledger_service.api.door import Body

_OF_MEMBER = frozenset({"card", "phone", "pin", "code"})
_OF_BODY = frozenset(
    {
        "pin",
        "card",
        "phone",
        "new_card",
        "numbers",
        "iban",
        "account_number",
        "identities",
        "display_name",
        "birthday",
        "signal",
    }
)
_GUESSES = frozenset({"pay_code", "pin"})
_OF_GUESSER = frozenset({"pay_code", "pin", "code"})
_LABEL = b"alliance blinded body v1"


def holds_secret(fields: Mapping[str, Any]) -> bool:
    """Whether the body's plain hash would give something away."""
    member = fields.get("member")
    if type(member) is dict and not _OF_MEMBER.isdisjoint(member):
        return True
    return not _OF_BODY.isdisjoint(fields)


def shows_code(fields: Mapping[str, Any]) -> bool:
    """Whether the body holds a pay code, a PIN or a one-time code, any of which may be a guess."""
    member = fields.get("member")
    return not _GUESSES.isdisjoint(fields) or (type(member) is dict and not _OF_GUESSER.isdisjoint(member))


def blinded(body: Body, key: bytes) -> Body:
    """The body under a hash that tells nothing without the key."""
    return Body(body.fields, hmac.digest(key, _LABEL + body.digest, sha256))
