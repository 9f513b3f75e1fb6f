"""Pure rules of codes: patterns, the check character, codes from a seed, tags and leaves."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b, sha256

from ledger_service.coupons.codes.errors import CodePatternRefused
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.secp256k1 import keccak256

GENERIC, PERSONAL, UNIQUE = "generic", "personal", "unique"
KINDS = (GENERIC, PERSONAL, UNIQUE)
ORIGINS = ("generated", "imported")
MAKING, SEALED = "making", "sealed"
STATES = (MAKING, SEALED)

# No 0 and O, no 1 and I: whoever reads a code aloud or from paper takes none for another.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
BITS = 5
OPEN_BITS = 80
MOST_RANDOM = 32
# A list whose codes are shorter must leave this many guesses to each hit; more in docs/coupons.md.
LEAST_GUESSES = 100_000
MOST_CODES = 10_000_000
TAG_BYTES = 16
SERIAL_DIGITS = 12
_PATTERN = re.compile(r"[0-9A-Z#*-]{6,64}")
_TYPED = re.compile(r"[0-9A-Z]{4,64}")
_SEPARATORS = str.maketrans("", "", " -")
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_ROUNDS = 10
_LABEL = b"alliance coupon v1"
# x^5 + x^2 + 1: multiplication by x runs through all 31 values, so no two places weigh the same.
_POLYNOMIAL = 0b100101
_TIMES_X = [value << 1 ^ (_POLYNOMIAL if value & 16 else 0) for value in range(32)]
# The two characters of ten bits, the lower five first.
_PAIRS = [ALPHABET[value & 31] + ALPHABET[value >> BITS] for value in range(1 << 2 * BITS)]


def normal_code(typed: str) -> str | None:
    """A code as it is hashed: upper case, without blanks and hyphens; None for what can be no code."""
    code = typed.translate(_SEPARATORS).upper()
    return code if _TYPED.fullmatch(code) else None


@dataclass(frozen=True)
class Pattern:
    """How a list's codes look: ``#`` a random character, ``*`` their check character, the rest as it is."""

    text: str

    @cached_property
    def random(self) -> int:
        """How many characters are random."""
        return self.text.count("#")

    @property
    def bits(self) -> int:
        """How many random bits a code has."""
        return BITS * self.random

    @property
    def closed(self) -> bool:
        """Whether its codes could be found by searching, so that only keyed hashes of them are kept."""
        return self.bits < OPEN_BITS

    def guesses_per_hit(self, size: int) -> int:
        """How many codes of this form somebody tries on average for one of the list's, rounded down."""
        return int(1 << self.bits) // size

    def code(self, drawn: str) -> str:
        """The code as it is printed, with these random characters."""
        check = check_character(drawn) if "*" in self.text else ""
        return "".join([
            drawn[span] if isinstance(span, slice) else check if span == "*" else span for span in self._spans
        ])  # fmt: skip

    @cached_property
    def _spans(self) -> tuple[str | slice, ...]:
        """The pattern from left to right: slices of the random characters, the check character, text."""
        spans: list[str | slice] = []
        begin = 0
        for run in re.findall(r"#+|\*|[^#*]+", self.text):
            spans.append(slice(begin, begin + len(run)) if run[0] == "#" else run)
            begin += run.count("#")
        return tuple(spans)

    def meets(self, other: Pattern) -> bool:
        """Whether a code could be one of both."""
        mine, its = (pattern.text.translate(_SEPARATORS) for pattern in (self, other))
        pairs = zip(mine, its, strict=False)
        return len(mine) == len(its) and all(a in "#*" or b in "#*" or a == b for a, b in pairs)


def parse_pattern(text: str, size: int) -> Pattern:
    """The pattern of a list of so many codes, each its own.

    Raises:
        CodePatternRefused: with the reason.
    """
    pattern = Pattern(text)
    if not _PATTERN.fullmatch(text) or text.count("*") > 1:
        raise CodePatternRefused("form")
    if not 1 <= pattern.random <= MOST_RANDOM:
        raise CodePatternRefused("random-characters")
    if pattern.closed and "*" not in text:
        raise CodePatternRefused("check-character")
    if pattern.guesses_per_hit(size) < LEAST_GUESSES:
        raise CodePatternRefused("guessable")
    return pattern


def parse_word(text: str) -> str:
    """The text of a generic code, which everybody may know: letters, digits and hyphens.

    Raises:
        CodePatternRefused: form.
    """
    if "#" in text or "*" in text or not _PATTERN.fullmatch(text) or normal_code(text) is None:
        raise CodePatternRefused("form")
    return text


def check_character(drawn: str) -> str:
    """The check character: any one wrong character, and any two that changed places, give another."""
    total = 0
    for letter in drawn:
        total = _TIMES_X[total ^ _VALUES[letter]]
    return ALPHABET[total]


class Drawing:
    """The random characters of a list by position: a permutation under the list's seed, so none comes twice.

    An unbalanced Feistel network of ten rounds over all texts of that length, with keyed BLAKE2b: who knows
    some codes of the list cannot tell another.
    """

    def __init__(self, seed: bytes, length: int) -> None:
        """The drawing of a list: its 32-byte seed, and how many characters of each code are random."""
        self._length = length
        self._low_bits = BITS * (length // 2)
        high_bits = BITS * length - self._low_bits
        self._masks = ((1 << self._low_bits) - 1, (1 << high_bits) - 1)
        begun = [blake2b(bytes([i]), key=seed, digest_size=16).copy for i in range(_ROUNDS)]
        self._rounds = list(zip(begun[::2], begun[1::2], strict=True))

    def at(self, position: int) -> str:
        """The random characters of the code at a position, from zero."""
        low_mask, high_mask = self._masks
        low, high = position & low_mask, position >> self._low_bits
        number = int.from_bytes
        for of_high, of_low in self._rounds:
            mixed = of_high()
            mixed.update(high.to_bytes(16, "big"))
            low ^= number(mixed.digest(), "big") & low_mask
            mixed = of_low()
            mixed.update(low.to_bytes(16, "big"))
            high ^= number(mixed.digest(), "big") & high_mask
        value = high << self._low_bits | low
        pairs = [_PAIRS[value >> begin & 1023] for begin in range(0, BITS * self._length, 2 * BITS)]
        return "".join(pairs)[: self._length]


@dataclass(frozen=True)
class Tagger:
    """Hashes codes as the table keeps them; the secret is for lists that are closed."""

    secret: bytes

    def tag(self, code: str, *, closed: bool) -> bytes:
        """The 16 bytes by which a code of a list, already in its normal form, is found."""
        plain = sha256(_LABEL + code.encode()).digest()
        return (hmac.digest(self.secret, plain, sha256) if closed else plain)[:TAG_BYTES]

    def both(self, typed: str) -> tuple[bytes, bytes]:
        """The tags that a typed code has in an open and in a closed list; the same work for any text."""
        code = normal_code(typed) or ""
        return self.tag(code, closed=False), self.tag(code, closed=True)


def leaf_of(gcn: int, serial: int, tag: bytes) -> bytes:
    """The leaf of one code in its list's tree (``kernel.merkle``, in the order of the serials).

    keccak256 of the chain's id of the coupon and the commitment, which is keccak256 of the opening: the tag,
    zeros behind it.
    """
    return keccak256(chain_id_of(gcn, serial).to_bytes(32, "big") + keccak256(opening_of(tag)))


def opening_of(tag: bytes) -> bytes:
    """What opens a code's commitment on the chain; it tells nobody the code."""
    return tag.ljust(32, b"\0")


def chain_id_of(gcn: int, serial: int) -> int:
    """The chain's id of a coupon: GCN type, number of digits of the serial, serial."""
    return gcn << 64 | SERIAL_DIGITS << 56 | serial


def serial_text(serial: int) -> str:
    """The serial of a GCN as it is printed (AI 255): twelve digits."""
    return f"{serial:0{SERIAL_DIGITS}d}"


def coupon_id_of(list_id: int, position: int) -> bytes:
    """The id of the one coupon behind a unique or personal code, made or not yet."""
    return derive_id("coupon of code", list_id, position)
