"""What a scanned text says: a GS1 Digital Link read strictly, and of it what verdicts need. Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from ledger_service.kernel.digital_link.errors import LinkMalformed
from ledger_service.kernel.digital_link.parsing import parse_digital_link
from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.goods.codes import TAG, parse_serial, tag_of

GTIN, SERIAL, LOT, EXPIRY = "01", "21", "10", "17"


@dataclass(frozen=True, slots=True)
class Told:
    """What a well-formed code says; ``serial`` is None for a code of a whole product, ``tag`` for no tag."""

    gtin: str
    serial: str | None
    lot: str | None = None
    expiry: str | None = None
    tag: str | None = None

    @property
    def name(self) -> str:
        """The canonical URI of the item, or of its product."""
        product = f"https://id.gs1.org/01/{self.gtin}"
        return product if self.serial is None else f"{product}/21/{self.serial}"


def read_code(text: str) -> Told | str:
    """What the code says, or why it is none.

    Serials of ours are brought into their one form, so that an O that was typed for a 0 is one.
    """
    try:
        link = parse_digital_link(text)
    except LinkMalformed as fault:
        return str(fault)
    if link.key[0] != GTIN:
        return "does not name a product"
    serial = link.find(SERIAL)
    return Told(link.key[1], _plain(serial), link.find(LOT), link.find(EXPIRY), link.find(TAG))


def is_right_tag(master: bytes, told: Told) -> bool:
    """Whether the code carries the item's keyed tag, or none; the same work for both."""
    made = tag_of(master, told.gtin, told.serial or "").encode()
    return hmac.compare_digest(made, made if told.tag is None else told.tag.encode())


def _plain(serial: str | None) -> str | None:
    try:
        return None if serial is None else parse_serial(serial, "serial")
    except MalformedField:
        return serial
