"""Seeds of lists under the service's secret: a stolen table gives nobody the codes that follow from them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger_service.coupons.codes.rules import Tagger
from ledger_service.kernel.ids import IdSource

_NONCE_BYTES = 12
_SEEDS, _TAGS = b"alliance coupon seeds v1", b"alliance coupon tags v1"


@dataclass(frozen=True)
class SeedSafe:
    """Seals and opens seeds with a key of 32 bytes."""

    key: bytes = field(repr=False)
    ids: IdSource

    def close(self, seed: bytes, name: str) -> bytes:
        """The seed as a table keeps it, bound to its list's name."""
        nonce = self.ids.random_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, seed, name.encode())

    def open(self, sealed: bytes, name: str) -> bytes:
        """The seed."""
        return AESGCM(self.key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())


def safe_of(secret: bytes, ids: IdSource) -> SeedSafe:
    """The safe that follows from the service's secret."""
    return SeedSafe(hmac.digest(secret, _SEEDS, sha256), ids)


def tagger_of(secret: bytes) -> Tagger:
    """The tagger that follows from the service's secret."""
    return Tagger(hmac.digest(secret, _TAGS, sha256))
