"""Bodies with a PIN, a code, a card, a person or a bank account: what an idempotency key keeps of them.

The hash of a body is kept for ever. Of four digits and a basket that is known it would tell the digits to
whoever has the table, so it is keyed with a secret that no table holds.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace
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
_OF_TENDER = frozenset({"card", "pin"})
_GUESSES = frozenset({"pay_code", "pin"})
_OF_GUESSER = frozenset({"pay_code", "pin", "code"})
_LABEL = b"alliance blinded body v1"


def holds_secret(fields: Mapping[str, Any]) -> bool:
    """Whether the body's plain hash would give something away."""
    member = fields.get("member")
    if type(member) is dict and not _OF_MEMBER.isdisjoint(member):
        return True
    return not _OF_BODY.isdisjoint(fields) or _pays_by_card(fields)


def shows_code(fields: Mapping[str, Any]) -> bool:
    """Whether the body holds a pay code, a PIN or a one-time code, any of which may be a guess."""
    member = fields.get("member")
    return not _GUESSES.isdisjoint(fields) or (type(member) is dict and not _OF_GUESSER.isdisjoint(member))


def blinded(body: Body, key: bytes) -> Body:
    """The body under a hash that tells nothing without the key."""
    return replace(body, digest=hmac.digest(key, _LABEL + body.digest, sha256))


def _pays_by_card(fields: Mapping[str, Any]) -> bool:
    """Whether a tender shows a stored-value card: who has its code and the table would have its PIN."""
    tenders = fields.get("tenders")
    if type(tenders) is not list:
        return False
    return any(type(tender) is dict and not _OF_TENDER.isdisjoint(tender) for tender in tenders)
