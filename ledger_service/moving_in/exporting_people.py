"""The part of an export that says who the members are and what they can spend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from sqlalchemy import select

from ledger_service.kernel.clock import instant_of_seconds, seconds_floor
from ledger_service.kernel.points import NEVER_SECONDS
from ledger_service.ledger.models import lot
from ledger_service.members.models import member, member_card, member_identity, member_preference
from ledger_service.moving_in.snapshot import PAGE, Export
from ledger_service.moving_in.writing import Cells
from ledger_service.points.catalogue import Programme

Span = tuple[int, int]
Numbers = Mapping[int, str]


def people(told: Export) -> Iterator[str]:
    """Members, their identities, cards and lots are written, of a merchant's own export the lots in its
    programmes alone; gives the table's name after each page.
    """
    after, whole = 0, "members" in told.tables
    query = select(member.c.member_id, member.c.member_number, member.c.display_name)
    while True:
        mine = query.where(member.c.member_id > after).order_by(member.c.member_id).limit(PAGE)
        page = told.conn.execute(mine).all()
        if not page:
            return
        span = (page[0].member_id, page[-1].member_id)
        numbers = {row.member_id: row.member_number for row in page if row.member_number is not None}
        names = {row.member_id: row.display_name or "" for row in page}
        if whole:
            _members(told, span, numbers, names)
            _cards(told, span, numbers)
        _lots(told, span, numbers)
        after = span[1]
        yield "members" if whole else "lots"


def _members(told: Export, span: Span, numbers: Numbers, names: Mapping[int, str]) -> None:
    mi, mp = member_identity.c, member_preference.c
    query = select(mi.member_id, mi.kind, mi.value_sealed).where(mi.member_id.between(*span))
    values: dict[tuple[int, str], str] = {}
    for row in told.conn.execute(query.order_by(mi.member_id, mi.kind)):
        values[row.member_id, row.kind] = told.vault.open(row.kind, row.value_sealed)
    others = [(m, k, v) for (m, k), v in values.items() if k not in ("phone", "email") and m in numbers]
    told.tables["identities"].add([(numbers[m], kind, value) for m, kind, value in others])
    wishes = {
        row.member_id: row
        for row in told.conn.execute(select(member_preference).where(mp.member_id.between(*span)))
    }
    rows: list[Cells] = []
    for m, number in numbers.items():
        wish = wishes.get(m)
        agreed = wish.consents.split(",") if wish is not None else []
        flags = ["yes" if name in agreed else "no" for name in told.consents]
        language = (wish.language or "") if wish is not None else ""
        found = [values.get((m, kind), "") for kind in ("phone", "email")]
        rows.append((number, names[m], *found, language, *flags))
    told.tables["members"].add(rows)


def _cards(told: Export, span: Span, numbers: Numbers) -> None:
    card = member_card.c
    query = select(card.member_id, card.number_sealed).where(card.member_id.between(*span))
    query = query.where(card.ended_at.is_(None))
    rows = told.conn.execute(query.order_by(card.member_id, card.number_hash)).all()
    mine = [(numbers[row.member_id], row.number_sealed) for row in rows if row.member_id in numbers]
    told.tables["cards"].add([(number, told.vault.open("card", sealed)) for number, sealed in mine])


def _lots(told: Export, span: Span, numbers: Numbers) -> None:
    second, rows, pending = seconds_floor(told.at), list[Cells](), list[Cells]()
    query = told.of_whom(select(lot).where(lot.c.member_id.between(*span)), lot)
    for row in told.conn.execute(query.order_by(lot.c.member_id, lot.c.programme_id, lot.c.epoch)):
        programme, has = told.programmes[row.programme_id], row.available + row.held
        ends_at = programme.epoch_ends[row.epoch - 1]
        if row.member_id not in numbers or ends_at <= second:
            continue
        number, last = numbers[row.member_id], _last_day(programme, ends_at)
        if has:
            earned = "" if last else told.at.astimezone(programme.zone).date().isoformat()
            rows.append((number, programme.code, str(has), last, earned, str(row.epoch)))
            told.tables["lots"].points[programme.code] += has
        if row.pending:
            pending.append((number, programme.code, str(row.pending), last))
            told.tables["pending"].points[programme.code] += row.pending
    told.tables["lots"].add(rows)
    told.tables["pending"].add(pending)


def _last_day(programme: Programme, ends_at: int) -> str:
    """The last local day of an epoch; empty where it never ends."""
    if ends_at >= NEVER_SECONDS:
        return ""
    last = instant_of_seconds(ends_at) - timedelta(seconds=1)
    return last.astimezone(programme.zone).date().isoformat()
