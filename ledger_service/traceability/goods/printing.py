"""What a printer is given of a batch: a line for each item, its outer code and the PIN under the cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ledger_service.kernel.errors import MalformedField
from ledger_service.traceability.goods import codes
from ledger_service.traceability.goods.models import MOST_ITEMS, trace_batch
from ledger_service.traceability.goods.service import items_of

COLUMNS = ("index", "code", "serial", "pin")
Line = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Which of a batch's items are printed: the index of the first, how many at most; ``tagged``: with the
    keyed tag behind each code."""

    first: int = 0
    count: int = MOST_ITEMS
    tagged: bool = False


WHOLE = Part()


def outer_code(host: str, gtin: str, serial: str) -> str:
    """The Digital Link in capitals alone, so that it fits a QR code of version 3 at level M."""
    return f"{host.rstrip('/').upper()}/01/{gtin}/21/{serial}"


def printer_lines(
    conn: Connection, master: bytes, batch_no: int, host: str, part: Part = WHOLE
) -> Iterator[Line]:
    """The batch's items in order, as ``COLUMNS`` says. Whoever has them can claim them: to the printer alone.

    Raises:
        MalformedField: no such batch, or not all its items are made.
    """
    wanted = select(trace_batch).where(trace_batch.c.batch_no == batch_no)
    batch = conn.execute(wanted).mappings().one_or_none()
    if batch is None or batch["made"] < batch["size"]:
        raise MalformedField("batch", "is unknown, or not all of its items are made")
    key = codes.batch_key(master, batch["seed"])
    for index, gtin, serial in items_of(conn, batch_no, (part.first, part.count)):
        code = outer_code(host, gtin, serial)
        if part.tagged:
            code = f"{code}?{codes.TAG}={codes.tag_of(master, gtin, serial)}"
        yield index, code, serial, codes.pin_of(key, index)
