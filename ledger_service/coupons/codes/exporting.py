"""Codes for the printer, once: the file is whole on disk before the seed is forgotten, and then nobody can
make it again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, RowMapping, select, update

from ledger_service.coupons.codes.errors import CodeListNotReady
from ledger_service.coupons.codes.making import ListDesk, tags_of, the_list
from ledger_service.coupons.codes.models import coupon_code, coupon_code_list
from ledger_service.coupons.codes.rules import GENERIC, SEALED, serial_text
from ledger_service.coupons.telling.anchors import require_anchored
from ledger_service.coupons.telling.parts import code_proof
from ledger_service.db.copies import sync

Write = Callable[[BinaryIO, RowMapping, Iterable[str]], None]


def export(desk: ListDesk, name: str, into: Path, write: Write, said: tuple[str, datetime]) -> RowMapping:
    """``into`` holds the list's codes, readable by nobody else; the list's seed is gone.

    Cut off before its end, it is repeated and gives the same file.

    Raises:
        CodeListUnknown: no such list.
        CodeListNotReady: making, imported, exported, not-anchored, anchor-refused.
        FileExistsError: something stands there.
    """
    with desk.database.read() as conn:
        listed = the_list(conn, name)
        _check(conn, listed)
    if into.exists():
        raise FileExistsError(into)
    coming = into.with_name(into.name + ".coming")
    coming.unlink(missing_ok=True)
    with os.fdopen(os.open(coming, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        write(file, listed, desk.codes(listed))
    sync(coming)
    coming.rename(into)
    sync(into.parent)
    by, at = said
    with desk.database.begin() as conn:
        _check(conn, the_list(conn, name, lock=True))
        mine = coupon_code_list.c.list_id == listed["list_id"]
        conn.execute(update(coupon_code_list).where(mine).values(seed=None, exported_at=at, exported_by=by))
    return listed


def write_csv(file: BinaryIO, listed: RowMapping, codes: Iterable[str]) -> None:
    """One line a code: the code, and GCN type and serial as AI 255 has them."""
    file.write(b"code,gcn\n")
    for position, code in enumerate(codes):
        file.write(f"{code},{listed['gcn']:013d}{serial_text(listed['first'] + position)}\n".encode())


def proof_for(desk: ListDesk, name: str, tag: bytes) -> dict[str, object] | None:
    """What proves to anybody who has the root that a code was issued, as JSON; None for no code of the list.

    Raises:
        CodeListUnknown, CodeListNotReady: no sealed list of the name.
    """
    with desk.database.snapshot() as conn:
        listed = the_list(conn, name)
        if listed["state"] != SEALED:
            raise CodeListNotReady("making")
        code = position_of(conn, tag, listed["list_id"])
        if code is None:
            return None
        _, proof = code_proof(conn, listed, code)
    return {
        "gcn": f"{listed['gcn']:013d}", "serial": serial_text(listed["first"] + code),
        "root": f"0x{listed['root'].hex()}",
        "proof": [f"0x{node.hex()}" for node in proof],
    }  # fmt: skip


def write_tags(desk: ListDesk, name: str, file: BinaryIO) -> int:
    """The 16-byte tags of an open list, in order: with them a till without a connection checks any code.

    Raises:
        CodeListUnknown: no such list.
        CodeListNotReady: making; closed, for its codes could be searched.
    """
    with desk.database.snapshot() as conn:
        listed = the_list(conn, name)
        if listed["state"] != SEALED:
            raise CodeListNotReady("making")
        if listed["closed"]:
            raise CodeListNotReady("closed")
        count = 0
        for tag in tags_of(conn, listed["list_id"]):
            file.write(tag)
            count += 1
    return count


def position_of(conn: Connection, tag: bytes, list_id: int) -> int | None:
    """Where in the list the code with this tag stands; None where it does not."""
    c = coupon_code.c
    found = select(c.position).where(c.tag == tag, c.list_id == list_id)
    position: int | None = conn.execute(found).scalar_one_or_none()
    return position


def _check(conn: Connection, listed: RowMapping) -> None:
    if listed["state"] != SEALED:
        raise CodeListNotReady("making")
    if listed["origin"] != "generated":
        raise CodeListNotReady("imported")
    if listed["exported_at"] is not None and listed["kind"] != GENERIC:
        raise CodeListNotReady("exported")
    require_anchored(conn, listed)
