"""Signatures of providers, checked with the keys that they have given the merchant; and what they seal.

WeChat Pay APIv3 signs timestamp, nonce and body with RSA (PKCS #1 v1.5, SHA-256) and seals the payment with
AES-256-GCM under the merchant's APIv3 key. LINE Pay v3 signs channel secret, path, body and nonce with
HMAC-SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Sealed(NamedTuple):
    """What WeChat Pay seals: base64 ciphertext with its tag, nonce, and the text that is bound to it."""

    ciphertext: str
    nonce: str
    associated_data: str


def public_key_of(pem: str) -> rsa.RSAPublicKey:
    """The provider's RSA key.

    Raises:
        ValueError: no PEM of a public RSA key.
    """
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("no RSA key")
    return key


def rsa_signed(key: rsa.RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the key's owner has signed the message; ``signature`` is base64."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def wechat_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """What WeChat Pay signs of a notice: three lines, each with its end."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def opened(api_key: bytes, sealed: Sealed) -> bytes | None:
    """What was sealed; None where it was altered, or sealed under another key."""
    try:
        raw = base64.b64decode(sealed.ciphertext, validate=True)
        return AESGCM(api_key).decrypt(sealed.nonce.encode(), raw, sealed.associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None


def line_signature(secret: str, path: str, body: bytes, nonce: str) -> str:
    """The X-LINE-Authorization of a request: base64 of the HMAC over secret, path, body and nonce."""
    message = f"{secret}{path}".encode() + body + nonce.encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, sha256)).decode()


def line_signed(secret: str, given: tuple[str, bytes, str], signature: str) -> bool:
    """Whether who knows the secret has signed; ``given`` is path, body and nonce."""
    return hmac.compare_digest(line_signature(secret, *given).encode(), signature.encode())
