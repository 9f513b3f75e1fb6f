"""Commands on programmes: the mirror of what the registry holds, and the earn rules; the caller commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.money import exponent_of
from ledger_service.kernel.permits import MINING_WINDOW_SECONDS
from ledger_service.kernel.text import clean_text
from ledger_service.points.catalogue import Programme, first_free
from ledger_service.points.errors import (
    ActivitiesTooFew,
    ActivityWithdrawn,
    CalendarOutOfOrder,
    ExpiryByTimeAlone,
    InactivityTooShort,
    NoticeTooShort,
    ProgrammeKnown,
    ProgrammeUnknown,
    TermsOutOfOrder,
)
from ledger_service.points.expiry_rules import Jurisdiction, Refused, refusal_of
from ledger_service.points.extension import require_extending_house
from ledger_service.points.inactivity_rules import Activity
from ledger_service.points.models import (
    earn_rule,
    issuance_budget,
    points_change,
    programme,
    programme_epoch,
    programme_terms,
)
from ledger_service.points.pairs.models import pair_terms
from ledger_service.points.policy_text import activities_text, notice_days_text
from ledger_service.points.requests import NewProgramme
from ledger_service.points.rule_text import rule_body
from ledger_service.points.rules import EarnRule, Terms, terms_in_force
from ledger_service.points.segments import check_audiences

NOTICE_SECONDS = MINING_WINDOW_SECONDS + 86_400


def create(conn: Connection, new: NewProgramme, at: datetime) -> None:
    """The programme exists with its first terms, its calendar and its first earn rule.

    Raises:
        ProgrammeKnown: the id or code is taken.
        MalformedField: an unknown currency or time zone, an empty name.
        CalendarOutOfOrder: ends that do not ascend.
        ExpiryByTimeAlone, InactivityTooShort, ActivitiesTooFew: the jurisdiction does not allow these terms.
        HouseTakesNoExtensions: points shall lapse by inactivity, and the ClearingHouse cannot extend them.
    """
    _check_promise(conn, new)
    taken = conn.execute(
        select(programme.c.code).where(
            (programme.c.programme_id == new.programme_id) | (programme.c.code == new.code)
        )
    ).first()
    if taken is not None:
        raise ProgrammeKnown(new.code)
    exponent_of(new.currency)
    row = {
        "programme_id": new.programme_id,
        "code": new.code,
        "merchant_id": new.merchant_id,
        "name": clean_text(new.name, "name", 80),
        "token": new.token,
        "currency": new.currency,
        "timezone": _zone(new.timezone),
        "cycle": new.cycle.value,
        "pending_days": new.pending_days,
        "notice_days": notice_days_text(new.notice_days),
        "jurisdiction": new.jurisdiction.value,
        "inactivity": activities_text(new.activities),
        "created_at": at,
    }
    conn.execute(insert(programme).values(row))
    conn.execute(insert(issuance_budget).values(programme_id=new.programme_id, drawn_total=0))
    _append(conn, new.programme_id, 0, 0, new.epoch_ends)
    _write_terms(conn, new.programme_id, new.terms)
    _write_rule(conn, new.programme_id, new.rule)
    note_change(conn)


def _check_promise(conn: Connection, new: NewProgramme) -> None:
    check_law(new.jurisdiction, new.epoch_ends, [new.terms], new.activities)
    if new.activities:
        require_extending_house(conn)


def publish_terms(conn: Connection, code: str, terms: Terms, at: datetime) -> None:
    """The mirror has the next version of the terms, as the registry published it.

    Raises:
        ProgrammeUnknown: no such code.
        TermsOutOfOrder: not the next version, or not later than the one before.
        NoticeTooShort: effective within eight days.
    """
    programme_id = id_of(conn, code)
    last = conn.execute(
        select(func.max(programme_terms.c.version), func.max(programme_terms.c.effective_from)).where(
            programme_terms.c.programme_id == programme_id
        )
    ).one()
    due = first_free(last[0], _of_pairs(conn, programme_id))
    if terms.version != due or terms.effective_from <= last[1]:
        raise TermsOutOfOrder(terms.version, due)
    earliest = seconds_floor(at) + NOTICE_SECONDS
    if terms.effective_from < earliest:
        raise NoticeTooShort(earliest)
    _write_terms(conn, programme_id, terms)
    note_change(conn)


def _of_pairs(conn: Connection, programme_id: int) -> set[int]:
    mine = pair_terms.c.programme_id == programme_id
    return set(conn.execute(select(pair_terms.c.version).where(mine)).scalars())


def append_epochs(conn: Connection, code: str, ends: Sequence[int]) -> None:
    """The programme's calendar goes on with these ends.

    Raises:
        ProgrammeUnknown: no such code.
        CalendarOutOfOrder: an end that is not later than the one before.
    """
    programme_id = id_of(conn, code)
    last = conn.execute(
        select(func.max(programme_epoch.c.epoch), func.max(programme_epoch.c.ends_at)).where(
            programme_epoch.c.programme_id == programme_id
        )
    ).one()
    _append(conn, programme_id, last[0] or 0, last[1] or 0, ends)
    note_change(conn)


def add_rule(conn: Connection, code: str, rule: EarnRule) -> None:
    """The programme has one more version of its earn rule; sales before its time keep theirs.

    Raises:
        ProgrammeUnknown: no such code.
        TermsOutOfOrder: not the next version, or not later than the one before.
        MalformedField: a multiplier names a segment that its merchant does not have.
    """
    programme_id = id_of(conn, code)
    last = conn.execute(
        select(func.max(earn_rule.c.version), func.max(earn_rule.c.effective_from)).where(
            earn_rule.c.programme_id == programme_id
        )
    ).one()
    if rule.version != (last[0] or 0) + 1 or rule.effective_from <= (last[1] or -1):
        raise TermsOutOfOrder(rule.version, (last[0] or 0) + 1)
    _write_rule(conn, programme_id, rule)
    note_change(conn)


def set_pending_days(conn: Connection, code: str, days: int) -> None:
    """Earn of later sales waits so many days before it can be spent."""
    found = conn.execute(update(programme).where(programme.c.code == code).values(pending_days=days))
    if not found.rowcount:
        raise ProgrammeUnknown(code)
    note_change(conn)


def check_law(
    jurisdiction: Jurisdiction,
    ends: Sequence[int],
    terms: Iterable[Terms],
    activities: Sequence[Activity] = (),
) -> None:
    """The jurisdiction allows points to end as these terms say, or through inactivity by them.

    Raises:
        ExpiryByTimeAlone: it does not allow an end by time alone.
        InactivityTooShort: it asks for a longer inactivity, or the calendar does not reach that far.
        ActivitiesTooFew: it asks that more activities keep points alive.
    """
    for one in terms:
        refused = refusal_of(jurisdiction, ends, one, activities)
        if refused is Refused.TIME_ALONE:
            raise ExpiryByTimeAlone(jurisdiction.value)
        if refused is Refused.TOO_SHORT:
            raise InactivityTooShort(jurisdiction.value)
        if refused is Refused.TOO_FEW:
            raise ActivitiesTooFew(jurisdiction.value)


def set_jurisdiction(conn: Connection, known: Programme, jurisdiction: Jurisdiction, at: datetime) -> None:
    """The programme follows that law from now on, terms that take effect later included.

    Raises:
        ExpiryByTimeAlone, InactivityTooShort, ActivitiesTooFew: points of terms in force or published would
            end as it forbids.
    """
    now = terms_in_force(known.terms, seconds_floor(at))
    later = [t for t in known.terms if t.effective_from > seconds_floor(at)]
    current = [] if now is None else [replace(now, effective_from=seconds_floor(at))]
    check_law(jurisdiction, known.epoch_ends, [*current, *later], known.activities)
    values = {"jurisdiction": jurisdiction.value}
    conn.execute(update(programme).where(programme.c.programme_id == known.programme_id).values(values))
    note_change(conn)


def set_activities(conn: Connection, known: Programme, activities: Sequence[Activity]) -> None:
    """From now on points of the programme, those that members have too, lapse through inactivity only.

    Raises:
        ActivityWithdrawn: an activity that counted would no longer: members were promised that it does.
        HouseTakesNoExtensions: the ClearingHouse in force cannot extend points.
    """
    if not set(known.activities) <= set(activities):
        raise ActivityWithdrawn(known.code)
    require_extending_house(conn)
    values = {"inactivity": activities_text(activities)}
    conn.execute(update(programme).where(programme.c.programme_id == known.programme_id).values(values))
    note_change(conn)


def set_notice_days(conn: Connection, code: str, days: Iterable[int]) -> None:
    """Members get a notice so many days before their points expire; none where there are no days.

    Raises:
        ProgrammeUnknown: no such code.
    """
    values = {"notice_days": notice_days_text(days)}
    if not conn.execute(update(programme).where(programme.c.code == code).values(values)).rowcount:
        raise ProgrammeUnknown(code)
    note_change(conn)


def id_of(conn: Connection, code: str) -> int:
    """The id of a programme.

    Raises:
        ProgrammeUnknown: no such code.
    """
    found: int | None = conn.execute(
        select(programme.c.programme_id).where(programme.c.code == code)
    ).scalar_one_or_none()
    if found is None:
        raise ProgrammeUnknown(code)
    return found


def note_change(conn: Connection) -> None:
    """Catalogues are stale once this unit of work has committed. Locks: the one row of ``points_change``."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    first = make(points_change).values(id=1, version=1)
    raised = {"version": points_change.c.version + 1}
    conn.execute(first.on_conflict_do_update(index_elements=[points_change.c.id], set_=raised))


def _append(conn: Connection, programme_id: int, epoch: int, end: int, ends: Sequence[int]) -> None:
    rows = []
    for ends_at in ends:
        epoch += 1
        if ends_at <= end:
            raise CalendarOutOfOrder(epoch)
        end = ends_at
        rows.append({"programme_id": programme_id, "epoch": epoch, "ends_at": ends_at})
    if not rows:
        raise CalendarOutOfOrder(epoch)
    conn.execute(insert(programme_epoch), rows)


def _write_terms(conn: Connection, programme_id: int, terms: Terms) -> None:
    conn.execute(
        insert(programme_terms).values(
            programme_id=programme_id,
            version=terms.version,
            effective_from=terms.effective_from,
            point_value_micros=terms.point_value_micros,
            fee_bps=terms.fee_bps,
            issuance_cap=terms.issuance_cap,
            validity_epochs=terms.validity_epochs,
        )
    )


def _write_rule(conn: Connection, programme_id: int, rule: EarnRule) -> None:
    check_audiences(conn, programme_id, rule)
    row = {"programme_id": programme_id, "version": rule.version, "effective_from": rule.effective_from}
    conn.execute(insert(earn_rule).values({**row, "body": rule_body(rule)}))


def _zone(name: str) -> str:
    try:
        return ZoneInfo(clean_text(name, "timezone", 64)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedField("timezone", "must be an IANA time zone") from None
