"""What an item carries: a serial of 12 random characters and a hidden PIN, made from keys and its number.

Serial and PIN of number ``index`` follow from a batch's key by HMAC, so that a run that was killed makes the
same codes again. The keys are random, stand in no table as they are, and whoever has not got them cannot
tell one serial from another. The database keeps a keyed hash of a PIN, never the PIN.
"""

from __future__ import annotations

import hmac

from ledger_service.kernel.errors import MalformedField

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SERIAL_LENGTH = 12
PIN_DIGITS = 8
MOST_WRONG_PINS = 5
PIN_HASH_BYTES = 16
_KNOWN = frozenset(ALPHABET)
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})


def batch_key(master: bytes, seed: bytes) -> bytes:
    """The key of a batch, from the service's secret and the random seed that the batch's row keeps."""
    return hmac.digest(master, b"item codes v1" + seed, "sha256")


def serial_of(key: bytes, index: int, attempt: int = 0) -> str:
    """The 12 Crockford characters (60 bits) of an item; ``attempt`` counts serials that were taken."""
    drawn = hmac.digest(key, b"serial" + index.to_bytes(8, "big") + attempt.to_bytes(2, "big"), "sha256")
    bits = int.from_bytes(drawn[:8], "big") >> 4
    return "".join([_PAIRS[bits >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])


def pin_of(key: bytes, index: int) -> str:
    """The digits under the cover of an item."""
    drawn = hmac.digest(key, b"pin" + index.to_bytes(8, "big"), "sha256")
    return f"{int.from_bytes(drawn[:16], 'big') % 10**PIN_DIGITS:0{PIN_DIGITS}d}"


# The GS1 identifier under which a code carries its tag, in its query.
TAG = "98"


def tag_of(master: bytes, gtin: str, serial: str) -> str:
    """Eight characters (40 bits) that a code may carry beside its serial, so that a made-up one shows at
    once, also where no table is at hand."""
    drawn = hmac.digest(master, f"item tag v1|{gtin}|{serial}".encode(), "sha256")
    bits = int.from_bytes(drawn[:5], "big")
    return "".join([_PAIRS[bits >> shift & 1023] for shift in (30, 20, 10, 0)])


def pin_hash(master: bytes, gtin: str, serial: str, pin: str) -> bytes:
    """What the database keeps of a PIN: nothing without the service's secret."""
    return hmac.digest(master, f"item pin v1|{gtin}|{serial}|{pin}".encode(), "sha256")[:PIN_HASH_BYTES]


def is_right_pin(master: bytes, item: tuple[str, str], stored: bytes | None, pin: str) -> bool:
    """Whether a PIN is the item's, in time that tells neither where it differs nor that there is no item.

    Args:
        master: the service's secret.
        item: GTIN and serial as they were asked for.
        stored: the item's hash; None where there is no such item, for which the same work is done.
        pin: what was typed.
    """
    made = pin_hash(master, *item, pin)
    known = stored is not None
    return hmac.compare_digest(made, stored if stored is not None else bytes(PIN_HASH_BYTES)) and known


def parse_serial(value: object, field: str) -> str:
    """A serial as it was typed, in its one form: capitals, and 0 and 1 for the letters that look like them.

    Raises:
        MalformedField: not 12 characters of the alphabet.
    """
    if not isinstance(value, str) or not value.isascii() or len(value) != SERIAL_LENGTH:
        raise MalformedField(field, f"must be {SERIAL_LENGTH} characters")
    serial = value.upper().translate(_LOOKALIKES)
    if not _KNOWN.issuperset(serial):
        raise MalformedField(field, "must be digits and letters without U")
    return serial


def parse_item_pin(value: object, field: str) -> str:
    """A PIN as it was typed.

    Raises:
        MalformedField: not so many digits; the refusal does not repeat it.
    """
    if not isinstance(value, str) or len(value) != PIN_DIGITS or not (value.isascii() and value.isdigit()):
        raise MalformedField(field, f"must be {PIN_DIGITS} digits")
    return value
