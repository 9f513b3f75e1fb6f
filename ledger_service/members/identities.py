"""Identities of a member: one normal form per kind, a keyed hash to find it, a sealed value to read it.

The hash is an HMAC, so a stolen table cannot be searched with a list of phone numbers; the value
is encrypted with AES-256-GCM under the same secret's sibling key. Erasure deletes both.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

import idna
import phonenumbers
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.text import clean_text

_PROVIDER = re.compile(r"social:[a-z0-9][a-z0-9._-]{0,31}")
_LOCAL_PART = re.compile(r"[^\s@,;:<>()\[\]\\\"]{1,64}")
_PLAIN_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_CARD = re.compile(r"[0-9A-Z-]+")
_LONGEST_EMAIL = 254
_NONCE_BYTES = 12
_BLOCK_BYTES = 64  # of SHA-256


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity in its normal form; equal members of a kind have equal values."""

    kind: str
    value: str


def parse_identity(kind: object, value: object) -> Identity:
    """The identity in its normal form.

    Args:
        kind: ``phone`` (any spelling with +), ``email``, or ``social:<provider>``.
        value: the phone number, address, or the provider's subject, which is kept as it is.

    Raises:
        MalformedField: another kind, or a value that its kind does not have.
    """
    if kind == "phone":
        return Identity("phone", _phone(clean_text(value, "identities.phone", 64)))
    if kind == "email":
        return Identity("email", _email(clean_text(value, "identities.email", 320)))
    if isinstance(kind, str) and _PROVIDER.fullmatch(kind):
        return Identity(kind, clean_text(value, f"identities.{kind}", 255))
    raise MalformedField("identities", "must be phone, email or social:<provider>")


def parse_card(value: object, field: str) -> Identity:
    """A card's number in its normal form: letters are capitals, blanks are gone.

    Raises:
        MalformedField: not 4 to 64 letters, digits and dashes.
    """
    number = clean_text(value, field, 64).replace(" ", "").upper()
    if len(number) < 4 or not _CARD.fullmatch(number):
        raise MalformedField(field, "must be 4 to 64 letters, digits and dashes")
    return Identity("card", number)


def _phone(text: str) -> str:
    # Numbering plans change faster than the library's tables, so a possible length is enough.
    if _is_e164(text):
        return text
    refusal = MalformedField("identities.phone", "must be an international number that begins with +")
    if not unicodedata.normalize("NFKC", text).startswith("+"):
        raise refusal
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise refusal from None
    if number.extension or not phonenumbers.is_possible_number(number):
        raise refusal
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _is_e164(text: str) -> bool:
    """Whether the library would certainly give back these very digits; it is twenty times slower."""
    if not _PLAIN_E164.fullmatch(text):
        return False
    for digits in (1, 2, 3):
        plan = _plan_of(int(text[1 : 1 + digits]))
        if plan is not None:
            lengths, prefix = plan
            national = text[1 + digits :]
            certain = len(national) in lengths and national[0] != "0"
            return certain and (prefix is None or prefix.match(national) is None)
    return False


@lru_cache(maxsize=1024)
def _plan_of(country: int) -> tuple[frozenset[int], re.Pattern[str] | None] | None:
    """How many digits a country's numbers have, and what would be taken off their beginning."""
    region = phonenumbers.region_code_for_country_code(country)
    found = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(country, region)
    if country not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE or found is None or found.general_desc is None:
        return None
    prefix = found.national_prefix_for_parsing
    return frozenset(found.general_desc.possible_length), re.compile(prefix) if prefix else None


def _email(text: str) -> str:
    # Local parts are folded too: no provider of weight tells two members apart by letter case.
    local, at, domain = unicodedata.normalize("NFKC", text).rpartition("@")
    whole = at and _LOCAL_PART.fullmatch(local) and local[0] != "." and local[-1] != "." and ".." not in local
    ascii_domain = _ascii_domain(domain) if whole else None
    if ascii_domain is not None and "." in ascii_domain and not ascii_domain.endswith("."):
        address = f"{unicodedata.normalize('NFC', local.casefold())}@{ascii_domain}"
        if len(address.encode()) <= _LONGEST_EMAIL:
            return address
    raise MalformedField("identities.email", "must be an e-mail address")


@lru_cache(maxsize=4096)  # most members share few of them
def _ascii_domain(domain: str) -> str | None:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except idna.IDNAError:
        return None


@dataclass(frozen=True)
class IdentityVault:
    """Hashes and seals identities with keys derived from one secret of 32 bytes."""

    secret: bytes

    def hash_of(self, identity: Identity) -> bytes:
        """The 32 bytes by which an identity is found and kept unique."""
        # The two halves of an HMAC whose key is digested once: half the cost of a whole one (RFC 2104).
        first, second = self._find
        inner, outer = first.copy(), second.copy()
        inner.update(f"{identity.kind}\0{identity.value}".encode())
        outer.update(inner.digest())
        return bytes(outer.digest())

    def seal(self, identity: Identity, nonce: bytes) -> bytes:
        """The value encrypted; ``nonce`` is 12 fresh random bytes and comes first in the result."""
        if len(nonce) != _NONCE_BYTES:
            raise ValueError("nonce must be 12 bytes")
        return nonce + self._cipher.encrypt(nonce, identity.value.encode(), identity.kind.encode())

    def open(self, kind: str, sealed: bytes) -> str:
        """The value that was sealed under this kind.

        Raises:
            ValueError: altered bytes, another kind, or another secret.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], kind.encode()).decode()
        except InvalidTag:
            raise ValueError("the sealed value does not open") from None

    @cached_property
    def _find(self) -> tuple[Any, Any]:
        block = self._key(b"find").ljust(_BLOCK_BYTES, b"\0")
        return sha256(bytes(b ^ 0x36 for b in block)), sha256(bytes(b ^ 0x5C for b in block))

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._key(b"seal"))

    def _key(self, purpose: bytes) -> bytes:
        return hmac.digest(self.secret, b"alliance identity " + purpose, sha256)
