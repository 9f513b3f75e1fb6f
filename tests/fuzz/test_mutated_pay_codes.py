"""Altered pay codes: not one of them may pass for the code that the phone showed.

The test command tries some thousands, ``scripts/test --deep`` a million.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from ledger_service.kernel import base45
from ledger_service.kernel.paycode import MARKER, PayCode, decode_pay_code, encode_pay_code, signer_of
from ledger_service.kernel.paycode_errors import PayCodeMalformed, PayCodeVersionUnknown
from ledger_service.kernel.secp256k1 import address_of_key
from tests.unit.paycode.sample import DOMAIN, KEY, PERMIT, TEXT, accepts

_RAW = base45.decode(TEXT.removeprefix(MARKER))
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_OTHER_TEXT = encode_pay_code(PayCode(DOMAIN.tag, replace(PERMIT, nonce=PERMIT.nonce + 1), _RAW[46:]))


def _text(raw: bytes) -> str:
    return MARKER + base45.encode(raw)


def flip_bits(random: Random) -> str:
    raw = bytearray(_RAW)
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        raw[random.randrange(len(raw))] ^= 1 << random.randrange(8)
    return _text(bytes(raw))


def replace_bytes(random: Random) -> str:
    start = random.randrange(len(_RAW))
    some = random.randbytes(random.randint(1, 8))
    return _text((_RAW[:start] + some + _RAW[start + len(some) :])[: len(_RAW)])


def change_a_field(random: Random) -> str:
    """Another value in one member of the permit, the rest as signed."""
    code = decode_pay_code(TEXT)
    step = random.choice((1, -1, 10**6, 2**32, random.randrange(1, 2**39)))
    name = random.choice(("nonce", "max_value_micros", "valid_until"))
    width = 40 if name == "valid_until" else 64
    value = (getattr(PERMIT, name) + step) % 2**width
    return encode_pay_code(replace(code, permit=replace(PERMIT, **{name: value})))


def twist_the_signature(random: Random) -> str:
    """What algebra makes of a signature without the key: the other s, the other parity, other encodings."""
    r, s, v = _RAW[46:78], int.from_bytes(_RAW[78:110], "big"), _RAW[110]
    s = random.choice((s, _CURVE_ORDER - s, (s + _CURVE_ORDER) % 2**256, random.randrange(2**256)))
    v = random.choice((v, v ^ 1, v ^ 27, v + 4 & 255, 55 - v & 255, random.randrange(256)))
    r = random.choice((r, r, random.randbytes(32), bytes(32), _CURVE_ORDER.to_bytes(32, "big")))
    return _text(_RAW[:46] + r + s.to_bytes(32, "big") + bytes([v]))


def edit_the_text(random: Random) -> str:
    """Characters changed, swapped, dropped, doubled or put in, as a bad scanner would."""
    text, at = list(TEXT), random.randrange(len(TEXT))
    match random.randrange(5):
        case 0:
            text[at] = random.choice(base45.ALPHABET + "abcäé\n\0٣")
        case 1:
            other = random.randrange(len(text))
            text[at], text[other] = text[other], text[at]
        case 2:
            del text[at : at + random.randint(1, 6)]
        case 3:
            text[at:at] = text[at : at + random.randint(1, 6)]
        case 4:
            text.insert(at, random.choice(base45.ALPHABET))
    return "".join(text)


def splice(random: Random) -> str:
    """The head of one code and the tail of another."""
    at = random.randrange(1, len(TEXT))
    return TEXT[:at] + _OTHER_TEXT[at:] if random.random() < 0.5 else _OTHER_TEXT[:at] + TEXT[at:]


MUTATIONS: tuple[Callable[[Random], str], ...] = (
    flip_bits, replace_bytes, change_a_field, twist_the_signature, edit_the_text, splice,
)  # fmt: skip


def tried(number: int, seed: int) -> Counter[str]:
    """Outcomes of so many altered codes; an accepted one stands under ``accepted``."""
    random, outcomes = Random(seed), Counter[str]()
    for turn in range(number):
        text = MUTATIONS[turn % len(MUTATIONS)](random)
        outcomes["unchanged" if text == TEXT else _outcome(text)] += 1
    return outcomes


def _outcome(text: str) -> str:
    try:
        code = decode_pay_code(text)
    except (PayCodeMalformed, PayCodeVersionUnknown) as refusal:
        return refusal.code
    assert encode_pay_code(code) == text, "two texts of one permit"
    # Life and alliance are not looked at: the signature alone has to see every change but that of the tag.
    if signer_of(code, DOMAIN) != address_of_key(KEY):
        return "another signer"
    return "accepted" if code.alliance_tag == DOMAIN.tag else "another tag"


def check(outcomes: Counter[str]) -> None:
    total = sum(outcomes.values())
    assert outcomes["accepted"] == 0, outcomes
    assert outcomes["unchanged"] < total // 5
    # Enough of them get past the reader to be held by the signature.
    assert outcomes["another signer"] > total // 3, outcomes


def test_the_unaltered_code_is_accepted() -> None:
    assert accepts(TEXT)
    assert _outcome(TEXT) == "accepted"


def test_no_altered_pay_code_is_accepted() -> None:
    check(tried(20_000, seed=1))


@pytest.mark.deep
def test_none_of_a_million_altered_pay_codes_is_accepted() -> None:
    check(tried(1_000_000, seed=2))
