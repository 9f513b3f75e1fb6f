"""The cut-over: pending balances are issued and can be spent; the chain follows behind at its own pace.

Each chunk of members is one db transaction with the step it takes, so a cut-over that was cut off goes on.
What has expired since the check is not issued: it expired in the old system too. The issues go to the outbox
as ``later``: live operations pass them, but for those of the same member, which need them (chain/queue.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from ledger_service.db.bulk import Row
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import derive_id
from ledger_service.kernel.operations import Issue, IssueReason
from ledger_service.kernel.points import Leg
from ledger_service.ledger.mass import (
    CUT_OVER,
    MOVED_OUT,
    LotKey,
    MassEntry,
    open_system_accounts,
    shift_lots,
    write_entries,
)
from ledger_service.ledger.rules import Part, PostingRow, SystemKind, system_account
from ledger_service.moving_in import books
from ledger_service.moving_in.errors import ImportIssuerSuspended, ImportStateWrong, RejectsNotAcknowledged
from ledger_service.moving_in.judging import Moment
from ledger_service.moving_in.lots import (
    body_of,
    draw_on_caps,
    lock_members,
    own_account,
    promised,
)
from ledger_service.moving_in.models import moved_lot
from ledger_service.moving_in.room import Note, Room, refuse_unissuable
from ledger_service.moving_in.tallies import check_totals
from ledger_service.outbox.service import NewIntent, enqueue_now
from ledger_service.points.rules import is_open, terms_in_force

_MEMBERS = 1_000
_ADJUSTMENT = int(IssueReason.ADJUSTMENT)


def cut_over(room: Room, name: str, with_rejects: int, note: Note) -> books.ImportRecord:
    """Every balance of the import can be spent.

    Args:
        room: the parts.
        name: of the import.
        with_rejects: how many rejected rows the operator leaves behind knowingly.
        note: told after each chunk.

    Raises:
        ImportUnknown, ImportStateWrong: nothing loaded, or rolled back.
        ControlTotalsDiffer, RejectsNotAcknowledged: it does not tie, or leaves unnamed rows behind.
        ImportCapTooLow, ImportIssuerSuspended: the contract would refuse the issues (D7).
        ImportBusy: another process cuts over.

    Idempotency: a member counts once; run it again after it was cut off.
    Invariants: INV-4, INV-10.
    """
    with room.database.read() as conn:
        record = books.find(conn, name)
    if record.state == "cut_over":
        return record
    if record.state not in ("loaded", "cutting"):
        raise ImportStateWrong(name, record.state)
    _check_ready(room, record, with_rejects)
    if record.state == "loaded":
        with room.database.begin() as conn:
            books.move(conn, record, "cutting", room.clock.now())
    lots, done = record.files["lots"].loaded.accepted if "lots" in record.files else 0, 0
    while taken := _step(room, name):
        done += taken
        note("cut over lots", done, lots)
    with room.database.begin() as conn:
        books.move(conn, books.find(conn, name), "cut_over", room.clock.now())
        return books.find(conn, name)


def _check_ready(room: Room, record: books.ImportRecord, with_rejects: int) -> None:
    rejected = sum(file.loaded.rejected for file in record.files.values())
    for entry in record.manifest.files:
        check_totals(entry, record.files[entry.kind].loaded)
    if rejected != with_rejects:
        raise RejectsNotAcknowledged(rejected)
    with room.database.read() as conn:
        moment = room.moment(conn, record.import_id)
        lots = record.files["lots"].loaded.accepted_points if "lots" in record.files else {}
        codes = {p.code: p.programme_id for p in moment.programmes.values()}
        refuse_unissuable(conn, moment, {codes[code]: 0 for code in lots})


class _Balance(NamedTuple):
    """Points of one lot of one member, and the member's row."""

    owner: Row
    key: LotKey
    points: int


def _step(room: Room, name: str) -> int:
    """The next members' balances are issued; returns how many rows of lots that were, 0 when all are."""
    with room.database.begin_group() as conn:
        record = books.find(conn, name)
        rows = next_lots(conn, record.import_id, record.step, _MEMBERS)
        if not rows:
            return 0
        moment = room.moment(conn, record.import_id)
        outcome = Counter(orjson.loads(record.outcome))
        sums = summed(rows)
        last = rows[-1].member_id
        live, lapsed = _sorted_out(sums, lock_members(conn, [key[0] for key in sums]), moment)
        outcome.update({"issued": sum(b.points for b in live), "lapsed": sum(lapsed.values())})
        books.take_step(conn, record, last, orjson.dumps(outcome).decode())
        refuse_unissuable(conn, moment, {b.key[1]: 0 for b in live})
        draw_on_caps(conn, {key: -points for key, points in lapsed.items()}, moment)
        _issue(conn, live, lapsed, moment)
        return len(rows)


class MovedLot(NamedTuple):
    """A row of ``moved_lot``."""

    member_id: int
    programme_id: int
    epoch: int
    points: int


def next_lots(conn: Connection, import_id: bytes, after: int, most: int) -> list[MovedLot]:
    """The lots of the next ``most`` members of an import behind a member, ascending by member."""
    lot = moved_lot.c
    mine = (lot.import_id == import_id) & (lot.member_id > after)
    members = select(lot.member_id).where(mine).distinct().order_by(lot.member_id).limit(most)
    ids = [row[0] for row in conn.execute(members)]
    if not ids:
        return []
    span = (lot.import_id == import_id) & lot.member_id.between(ids[0], ids[-1])
    query = select(lot.member_id, lot.programme_id, lot.epoch, lot.points).where(span)
    return [MovedLot(*row) for row in conn.execute(query.order_by(lot.member_id))]


def summed(rows: Sequence[MovedLot]) -> dict[LotKey, int]:
    """Points by member, programme and epoch, ascending."""
    sums: dict[LotKey, int] = {}
    for member_id, programme_id, epoch, points in rows:
        key = (member_id, programme_id, epoch)
        sums[key] = sums.get(key, 0) + points
    return {key: sums[key] for key in sorted(sums)}


def _sorted_out(
    sums: Mapping[LotKey, int], owners: Mapping[int, Row], moment: Moment
) -> tuple[list[_Balance], dict[LotKey, int]]:
    """What is issued; and what is not, because its epoch has ended or its member was erased."""
    live, lapsed, second = [], {}, seconds_floor(moment.at)
    epochs = {key[1:] for key in sums}
    still = {(p, epoch) for p, epoch in epochs if is_open(moment.programmes[p].epoch_ends, epoch, second)}
    for key, points in sums.items():
        owner = owners.get(key[0])
        if owner is not None and key[1:] in still:
            live.append(_Balance(owner, key, points))
        else:
            lapsed[key] = points
    return live, lapsed


def _issue(conn: Connection, live: Sequence[_Balance], lapsed: Mapping[LotKey, int], moment: Moment) -> None:
    programmes = {b.key[1] for b in live} | {key[1] for key in lapsed}
    kinds = (SystemKind.PROMISE, SystemKind.ISSUANCE)
    open_system_accounts(conn, {system_account(kind, p) for p in programmes for kind in kinds})
    moves = {b.key: {Part.PENDING: -b.points, Part.AVAILABLE: b.points} for b in live}
    shift_lots(conn, {**moves, **{key: {Part.PENDING: -points} for key, points in lapsed.items()}})
    counters = {p: _counter_of(moment, p) for p in {b.key[1] for b in live}}
    issues = [_operation(balance, counters[balance.key[1]], moment) for balance in live]
    body = body_of(moment)
    entries = [
        MassEntry(issue.op_id, CUT_OVER, moment.at, body, _issued(b, counters[b.key[1]]))
        for issue, b in zip(issues, live, strict=True)
    ]
    entries += [taken_back(moment, key, points) for key, points in lapsed.items()]
    write_entries(conn, entries, moment.at)
    intents = [NewIntent(issue, b.key[0], later=True) for issue, b in zip(issues, live, strict=True)]
    enqueue_now(conn, intents, moment.at)


def taken_back(moment: Moment, key: LotKey, points: int) -> MassEntry:
    """The entry that takes a promised balance back."""
    op_id = derive_id(MOVED_OUT, moment.import_id, *key)
    return MassEntry(op_id, MOVED_OUT, moment.at, body_of(moment), (_withdrawn(key, points),))


class _Counter(NamedTuple):
    """What a programme's issues share: whose they are, by which terms, when, between which accounts."""

    merchant_id: int
    version: int
    second: int
    promise: int
    issuance: int


def _counter_of(moment: Moment, programme_id: int) -> _Counter:
    programme, second = moment.programmes[programme_id], seconds_floor(moment.at)
    terms = terms_in_force(programme.terms, second)
    if terms is None:
        raise ImportIssuerSuspended(programme.code)
    kinds = (SystemKind.PROMISE, SystemKind.ISSUANCE)
    accounts = [system_account(kind, programme_id).account_id for kind in kinds]
    return _Counter(programme.merchant_id, terms.version, second, *accounts)


def _operation(balance: _Balance, counter: _Counter, moment: Moment) -> Issue:
    owner, (member_id, programme_id, epoch), points = balance
    op_id = derive_id("moved-issue", moment.import_id, member_id, programme_id, epoch)
    leg = Leg(programme_id, counter.version, epoch, points)
    return Issue(op_id, counter.merchant_id, owner["account"], counter.second, _ADJUSTMENT, leg)


def _withdrawn(key: LotKey, points: int) -> PostingRow:
    there = promised(key[0], key, points)
    return there._replace(source_id=there.destination_id, destination_id=there.source_id)


def _issued(balance: _Balance, counter: _Counter) -> tuple[PostingRow, PostingRow]:
    """The promise is taken back, and the points are issued."""
    _, (member_id, programme_id, epoch), points = balance
    pending, available = own_account(member_id, Part.PENDING), own_account(member_id, Part.AVAILABLE)
    return (PostingRow(pending, counter.promise, programme_id, epoch, points),
            PostingRow(counter.issuance, available, programme_id, epoch, points))  # fmt: skip
