"""A hundred thousand altered pay codes, none of which may pass."""

from __future__ import annotations

import random

from ledger_service.kernel import base45
from tests.unit.paycode.sample import TEXT, accepts


def test_none_of_a_hundred_thousand_altered_codes_is_accepted() -> None:
    source = random.Random(20_260_722)
    accepted = [text for text in _altered(source, 100_000) if accepts(text)]
    assert accepted == []


def _altered(source: random.Random, count: int) -> list[str]:
    raw = base45.decode(TEXT[4:])
    texts = [
        _altered_text(source) if source.random() < 0.7 else _altered_bytes(source, raw) for _ in range(count)
    ]
    return [text for text in texts if text != TEXT]


def _altered_text(source: random.Random) -> str:
    place = source.randrange(len(TEXT))
    letter = source.choice(base45.ALPHABET)
    return source.choice([
        TEXT[:place] + letter + TEXT[place + 1 :],
        TEXT[:place] + TEXT[place + 1 :],
        TEXT[:place] + letter + TEXT[place:],
        TEXT[: place - 1] + TEXT[place : place + 1] + TEXT[place - 1 : place] + TEXT[place + 1 :],
    ])  # fmt: skip


def _altered_bytes(source: random.Random, raw: bytes) -> str:
    changed = bytearray(raw)
    for _ in range(source.randint(1, 3)):
        changed[source.randrange(len(raw))] ^= 1 << source.randrange(8)
    return "AL1:" + base45.encode(bytes(changed))
