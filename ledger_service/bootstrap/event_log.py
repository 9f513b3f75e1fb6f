"""Checkpoints of the log on their way to the chain, each held against what the chain has before it goes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.chain.desk import Desk, clear_alarm, raise_alarm
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.log_office import LogOffice, Published
from ledger_service.kernel.clock import Clock, seconds_floor
from ledger_service.traceability.log.queries import Checkpoint, TileReader, last_checkpoint
from ledger_service.traceability.log.rules import root_of
from ledger_service.traceability.log.service import settle

_LATER = "LogInstantInvalid"
_THERE = "LogCheckpointKnown"


@dataclass(frozen=True, slots=True)
class CheckpointClerk:
    """Runs on the leading bridge; every step may be repeated, also after a kill between any two lines."""

    office: LogOffice
    desk: Desk
    clock: Clock
    replay: bool

    def run(self) -> bool:
        """The last checkpoint is on the chain, or refused for good; returns whether there was one to relay.

        Raises:
            ChainUnavailable: it goes on waiting.
        """
        with self.desk.read() as conn:
            last = last_checkpoint(conn)
        if last is None or last.state != "made":
            return False
        told = self.office.latest()
        with self.desk.read() as conn:
            reason = None if told.size == 0 else _why_not(conn, last, told)
        if reason is None and told.size < last.size:
            wanted = Published(last.size, seconds_floor(last.made_at), last.root)
            stamp = seconds_floor(self.clock.now()) if self.replay else None
            try:
                self.office.append(wanted, stamp)
            except AdminRefused as refusal:
                if refusal.reason.startswith(_LATER):
                    return False
                reason = None if refusal.reason.startswith(_THERE) else refusal.reason
        with self.desk.write() as conn:
            settle(conn, last.size, reason)
            if reason is None:
                clear_alarm(conn, "log-forked", "")
            else:
                raise_alarm(conn, self.desk.wall, "log-forked", "", reason)
        return True


def _why_not(conn: Connection, last: Checkpoint, told: Published) -> str | None:
    """Why our log does not go on from the chain's (INV-15): it is shorter, or was another one."""
    if told.size > last.size:
        return f"LogShrunk({last.size}, {told.size})"
    ours = last.root if told.size == last.size else root_of(TileReader(conn), 0, told.size)
    return None if ours == told.root else f"LogForked({told.size}, 0x{ours.hex()}, 0x{told.root.hex()})"
