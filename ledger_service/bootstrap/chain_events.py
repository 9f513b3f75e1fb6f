"""What the rooms do about facts of the chain: handlers that run inside the indexer's db transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from ledger_service.bootstrap.foundations import Foundations, background_clock
from ledger_service.bootstrap.tills import Secrets
from ledger_service.chain.ports import Handler
from ledger_service.chain.status import time_of_block
from ledger_service.kernel.events import (
    ChainEvent,
    HistoryTakenOver,
    LimitsChanged,
    OperationMined,
    OperationSetAside,
    PairTermsAgreed,
    PairTermsGone,
    Published,
)
from ledger_service.kernel.operations import Kind
from ledger_service.members.devices import DeviceDesk
from ledger_service.members.standing import freeze
from ledger_service.outbox.queries import member_of
from ledger_service.points.adopted import begin_adopting
from ledger_service.points.conversion import service as conversions
from ledger_service.points.pairs import service as pairs
from ledger_service.points.programmes import note_change


def handlers(foundations: Foundations, secrets: Secrets) -> tuple[Handler, ...]:
    """Every handler, in the order in which they hear of an event."""
    clock = background_clock(foundations.settings, foundations.database)
    devices = DeviceDesk(foundations.alliance.domain, secrets.one_time)

    def confirm_signers(conn: Connection, events: Sequence[ChainEvent]) -> None:
        for event in events:
            if isinstance(event, OperationMined) and event.kind == Kind.SIGNER:
                mined_at = time_of_block(conn, event.block_number)
                if mined_at is not None:
                    devices.confirm(conn, event.op_id, mined_at)

    def freeze_the_unmoved(conn: Connection, events: Sequence[ChainEvent]) -> None:
        # Ledger and chain have this member on different accounts: nothing more is to be accepted (D7).
        for event in events:
            if isinstance(event, OperationSetAside) and event.kind == Kind.MOVE:
                member_id = member_of(conn, event.op_id)
                if member_id is not None:
                    freeze(conn, member_id, clock.now())

    told = (confirm_signers, freeze_the_unmoved, note_pair_terms, note_conversions, reread_limits)
    return (*told, look_for_the_repeated)


def note_pair_terms(conn: Connection, events: Sequence[ChainEvent]) -> None:
    """The checkout cites what two merchants agreed on, from the instant on that the registry has for it."""
    pairs.note(conn, [e for e in events if isinstance(e, PairTermsAgreed | PairTermsGone)])


def note_conversions(conn: Connection, events: Sequence[ChainEvent]) -> None:
    """Points convert, and programmes end, as the registry has it."""
    conversions.note(conn, [e for e in events if isinstance(e, Published)])


def reread_limits(conn: Connection, events: Sequence[ChainEvent]) -> None:
    """The checkout issues by what reserves allow now."""
    if any(isinstance(event, LimitsChanged) for event in events):
        note_change(conn)


def look_for_the_repeated(conn: Connection, events: Sequence[ChainEvent]) -> None:
    """Whoever repeats a request of hours that a restore has lost meets what the chain has of it."""
    if any(isinstance(event, HistoryTakenOver) for event in events):
        begin_adopting(conn)
