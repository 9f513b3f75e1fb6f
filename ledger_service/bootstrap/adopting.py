"""Adopting what the chain has and the database lacks: by the word of two operators, one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, select

from ledger_service.bootstrap.foundations import Foundations, background_clock, lay_foundations
from ledger_service.bootstrap.lost import lost
from ledger_service.chain.mirror import operation_of_row
from ledger_service.chain.models import chain_operation
from ledger_service.chain.rebuilt import by_custodian, rebuilt
from ledger_service.config import Settings
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer, WriterLimits
from ledger_service.kernel.canonical import Canonical
from ledger_service.kernel.clock import Clock, seconds_floor
from ledger_service.kernel.errors import DomainError
from ledger_service.kernel.operations import Convert, Issue, Kind, Operation
from ledger_service.merchants.keyring import KeyRing
from ledger_service.points.adopted import begin_adopting
from ledger_service.points.adoption import AdoptCommand
from ledger_service.points.budget import draw_at_once
from ledger_service.points.catalogue import read_catalogue
from ledger_service.points.errors import SecondPersonNeeded
from ledger_service.points.models import pending_issue

_LEFT = {
    Kind.SIGNER: "a device must be enrolled again",
    Kind.MOVE: "the member is at another account on the chain",
}
# A process's catalogue is at most a second behind what was committed.
_ALL_KNOW_SECONDS = 2.0


class NoOperator(Exception):
    """A key that is no operator's in force; the message says which."""


@dataclass(slots=True)
class Adopted:
    """How many operations were adopted, and why others were not: (operation, reason)."""

    adopted: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Case:
    operation: Operation
    facts: dict[str, Canonical]
    custodial_micros: int
    member: str | None


def adopt(settings: Settings, first: Path, second: Path) -> Adopted:
    """Everything on the chain that can be booked is booked; run again, it goes on.

    Args:
        settings: of the installation; a bridge has read the chain to its head.
        first: file with the API key of the operator who asks for it.
        second: file with that of another operator, who agrees.

    Raises:
        NoOperator: a key is not an operator's.
        SecondPersonNeeded: both keys are of one operator.
    """
    with opened_alone(settings) as (foundations, writer, clock):
        ring = KeyRing(foundations.database.read, clock, time.monotonic_ns)
        people = [operator_of(ring, path) for path in (first, second)]
        if people[0] == people[1]:
            raise SecondPersonNeeded
        return adopt_all(foundations.database, writer, clock, (people[0], people[1]))


def adopt_all(
    database: Database,
    writer: Writer,
    clock: Clock,
    people: tuple[str, str],
    pause: Callable[[float], None] = time.sleep,
) -> Adopted:
    """As ``adopt``, by the word of these two, who are two and operators.

    ``pause`` waits so many seconds until every serving process knows that operations are adopted, so that it
    looks for them before it decides what is repeated.
    """
    told = Adopted()
    with database.snapshot() as conn:
        waiting = list(_cases(conn, people, told))
    if waiting:
        # Whoever is killed within the pause waits again the next time.
        writer.run(begin_adopting)
        pause(_ALL_KNOW_SECONDS)
    while waiting:
        # A debit may need a credit that comes later on the chain, where the books already had the rest.
        refused = [(case, why) for case in waiting if (why := _book(writer, clock, case))]
        told.adopted += len(waiting) - len(refused)
        if len(refused) == len(waiting):
            told.left += [(case.operation.op_id.hex(), why) for case, why in refused]
            break
        waiting = [case for case, _ in refused]
    return told


def _cases(conn: Connection, people: tuple[str, str], told: Adopted) -> Iterator[_Case]:
    seen: set[str] = set()
    catalogue = read_catalogue(conn)
    for one in lost(conn):
        if one.op_id in seen:
            continue
        seen.add(one.op_id)
        o = chain_operation.c
        row = conn.execute(
            chain_operation.select().where((o.batch == one.batch) & (o.position == one.position))
        ).one()
        mined = operation_of_row(row)
        operation = rebuilt(conn, mined)
        if operation is None:
            told.left.append((one.op_id, one.note or _LEFT[mined.kind]))
            continue
        facts: dict[str, Canonical] = {
            "batch": one.batch, "block": one.block_number, "asked_by": people[0], "agreed_by": people[1],
        }  # fmt: skip
        spent = mined.legs[:-1] if mined.kind is Kind.CONVERT else mined.legs
        custodial_micros = catalogue.worth_micros(spent) if by_custodian(mined) else 0
        yield _Case(operation, facts, custodial_micros, one.member)


def _book(writer: Writer, clock: Clock, case: _Case) -> str:
    """Why the operation could not be booked; empty where it is."""
    if isinstance(case.operation, (Issue, Convert)) and case.member is not None:
        # First, so that whoever is killed in between loses room under the cap and never goes beyond it.
        writer.run(lambda conn: _draw(conn, case.operation, clock))
    try:
        writer.submit(AdoptCommand(case.operation, case.facts, clock.now(), case.custodial_micros))
    except DomainError as refusal:
        return str(refusal)
    return ""


def _draw(conn: Connection, operation: Operation, clock: Clock) -> None:
    """What the chain issued is taken from the cap, as far as that reaches (INV-10)."""
    if not isinstance(operation, (Issue, Convert)) or _is_promised(conn, operation):
        return
    leg = operation.leg if isinstance(operation, Issue) else operation.legs[-1]
    issuing = read_catalogue(conn).programmes[leg.programme]
    points, at = leg.amount, seconds_floor(clock.now())
    room = draw_at_once(conn, issuing, points, at)
    if room:
        draw_at_once(conn, issuing, room, at)


def _is_promised(conn: Connection, operation: Issue | Convert) -> bool:
    """Whether its points are pending here: then they were drawn when they were promised."""
    its = select(pending_issue.c.op_id).where(
        pending_issue.c.op_id == operation.op_id, pending_issue.c.state == "waiting"
    )
    return conn.execute(its).first() is not None


def operator_of(ring: KeyRing, path: Path) -> str:
    """The operator whose key the file holds.

    Raises:
        NoOperator: it holds no operator's key in force.
    """
    principal = ring.identify(path.read_text(encoding="ascii").strip())
    if principal is None or principal.role != "operator":
        raise NoOperator(f"{path} holds no operator's key in force")
    return principal.subject


@contextmanager
def opened_alone(settings: Settings) -> Iterator[tuple[Foundations, Writer, Clock]]:
    """An installation with a writer of this process's own, closed afterwards."""
    foundations = lay_foundations(settings)
    clock = background_clock(settings, foundations.database)
    writer = Writer(foundations.database, clock, WriterLimits())
    try:
        yield foundations, writer, clock
    finally:
        writer.close()
        foundations.close()
