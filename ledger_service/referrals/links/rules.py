"""Pure rules of share links: codes with a keyed check, who is a machine, and what a commitment says."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from ledger_service.kernel.canonical import Canonical, canonical_json

# Crockford's digits: no letter is taken for another, and case does not count.
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOKALIKES = str.maketrans({"o": "0", "i": "1", "l": "1", "-": ""})
NUMBER_BYTES = 5
_NUMBER_DIGITS, _CHECK_DIGITS = 8, 4
CODE_LENGTH = _NUMBER_DIGITS + _CHECK_DIGITS
# What fetches a link to show a preview of it, or to index it: nobody has seen anything. A Cubot is a phone.
_MACHINES = re.compile(
    r"(?<!\bcu)bot(?![a-z0-9_])|crawl|spider|slurp|preview|facebookexternalhit|whatsapp/|headless|python[-/]"
    r"|curl/|wget/|go-http|okhttp|java/|libwww|scrapy|phantom|lighthouse|pingdom|monitor|aiohttp|axios/"
    r"|node-fetch|undici|httpclient|postman|guzzle|^ruby|^php/",
    re.IGNORECASE,
)
# A till's clock may be so far behind ours.
SKEW_SECONDS = 120
MOST_BINDS = 32


class Channel(StrEnum):
    """Where a link is shared."""

    WECHAT_GROUP = "wechat-group"
    WECHAT_MOMENTS = "wechat-moments"
    WEIBO = "weibo"
    LINE = "line"
    WHATSAPP = "whatsapp"
    SMS = "sms"
    PAPER = "paper"
    CASHIER = "cashier"


@dataclass(frozen=True)
class LinkCodes:
    """Makes and checks codes with a key of 32 bytes: 40 random bits, and 20 that follow from them."""

    key: bytes = field(repr=False)

    def code_of(self, number: bytes) -> str:
        """The code of 12 digits of a random number of ``NUMBER_BYTES``."""
        head = _digits(int.from_bytes(number, "big"), _NUMBER_DIGITS)
        return head + self._check(head)

    def is_ours(self, code: str) -> bool:
        """Whether the check is right; the work is the same for every text."""
        head, check = code[:_NUMBER_DIGITS], code[_NUMBER_DIGITS:]
        return hmac.compare_digest(self._check(head).encode(), check.encode())

    def _check(self, head: str) -> str:
        tag = hmac.digest(self.key, b"share link " + head.encode(), sha256)
        return _digits(int.from_bytes(tag[:4], "big") >> 12, _CHECK_DIGITS)


def codes_of(secret: bytes) -> LinkCodes:
    """The codes that follow from the service's secret."""
    return LinkCodes(hmac.digest(secret, b"alliance share links v1", sha256))


def typed(code: str) -> str:
    """A code as a person may type it, in the form that it was made in."""
    return code.strip().lower().translate(_LOOKALIKES)


def is_machine(agent: str) -> bool:
    """Whether a User-Agent is that of a program which fetches links, or nothing at all."""
    return not agent.strip() or _MACHINES.search(agent) is not None


def party_of(salt: bytes, account: bytes) -> str:
    """A party of a commitment: nobody who lacks the salt can tell whose account it is."""
    return sha256(b"share party" + salt + account).hexdigest()


def commitment_of(salt: bytes, body: Canonical) -> bytes:
    """The salted hash that stands in the chain before the sale."""
    return sha256(b"share commitment" + salt + canonical_json(body)).digest()


def chained(before: bytes, number: int, commitment: bytes, at_micros: int) -> bytes:
    """The chain's hash with one more commitment."""
    words = number.to_bytes(8, "big") + commitment + at_micros.to_bytes(8, "big")
    return sha256(b"share chain" + before + words).digest()


def _digits(number: int, count: int) -> str:
    return "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(count)))
