"""Which bodies an idempotency key keeps under a hash that tells nothing without the key."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_service.api.blinding import blinded, holds_secret
from ledger_service.api.door import Body


@pytest.mark.parametrize(("fields", "held"), [
    ({"tenders": [{"type": "cash"}, {"type": "stored_value", "card": "A", "pin": "4711"}]}, True),
    ({"tenders": [{"type": "stored_value", "card": "A"}]}, True),
    ({"tenders": [{"type": "card", "amount_minor": 1}]}, False),
    ({"tenders": "card"}, False), ({"tenders": ["card"]}, False), ({"lines": []}, False),
    ({"member": {"card": "1"}}, True), ({"pin": "1"}, True),
])  # fmt: skip
def test_a_body_that_shows_a_card_or_a_pin_is_blinded(fields: dict[str, Any], held: bool) -> None:
    assert holds_secret(fields) is held


def test_what_came_stays_beside_the_blinded_hash() -> None:
    body = blinded(Body({}, b"d" * 32, b"raw"), b"k" * 32)
    assert (body.raw, body.digest != b"d" * 32, len(body.digest)) == (b"raw", True, 32)
