"""The log index: one small row per block and distinct term, where a term is an address or a topic in its
position.

A term is 64 bits of a hash, so a lookup may name a block that does not match; the logs themselves are always
compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from ledger_service.chain.node.engine import Log

ADDRESS_PLACE = 4


def term(place: int, value: bytes) -> int:
    """The index term of an address (place 4) or of a topic (place 0 to 3), as a signed 64-bit integer."""
    digest = blake2b(value, digest_size=8, person=bytes((place,))).digest()
    return int.from_bytes(digest, "big", signed=True)


def terms_of(logs: Iterable[Log]) -> set[int]:
    """The distinct terms of a block's logs."""
    values = set()
    for address, topics, _ in logs:
        values.add((ADDRESS_PLACE, address))
        values.update(enumerate(topics))
    return {term(place, value) for place, value in values}
