"""Closing a settlement period with the processes at work: what `alliance settle close` does (D12)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ledger_service.bootstrap.beside_bridge import replay_stamp, steps_beside_bridge
from ledger_service.chain.admin import Admin, Steps
from ledger_service.chain.delayed import asked
from ledger_service.chain.errors import PeriodNotDrained, PeriodNotOpen
from ledger_service.chain.settings import Contracts
from ledger_service.config import Settings
from ledger_service.outbox.queries import newest_intent, waiting_up_to

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Closed:
    """The period is closed; whether it was so before, and which one is open now."""

    before: bool
    open_period: int


def close_period(settings: Settings, period: int, patience_seconds: float) -> Closed:
    """The period is closed on chain, and holds everything that was accepted before the call.

    The cut-off is the moment of the call. What is accepted after it and mined before the period is closed
    belongs to it too: a redemption's period is the one that is open when it is mined.

    Args:
        settings: of the installation; a bridge must be at work.
        period: its number.
        patience_seconds: how long to wait for the bridge to carry over what was accepted.

    Raises:
        PeriodNotOpen: it is later than the open one; nothing was sent.
        PeriodNotDrained: something accepted before is in no block in that time; nothing was sent.
        AdminRefused: custody's operator key may not close periods; nothing was sent.
        ChainUnavailable: not mined in time; run it again.

    Idempotency: by period; a closed one stays closed.
    """
    with steps_beside_bridge(settings) as (foundations, steps):
        alliance = foundations.alliance
        open_period = _open_period(steps, alliance.clearing_house)
        if period < open_period:
            return Closed(True, open_period)
        if period > open_period:
            raise PeriodNotOpen(period, open_period)
        _drain(steps, period, patience_seconds)
        contracts = Contracts(alliance.clearing_house, alliance.registry)
        Admin(steps, contracts).close_period(period, replay_stamp(foundations))
        _await_index(steps, period, patience_seconds)
        return Closed(False, _open_period(steps, alliance.clearing_house))


def _open_period(steps: Steps, clearing_house: bytes) -> int:
    return int(asked(steps, "ClearingHouse", clearing_house, "currentPeriod")[0])


def _await_index(steps: Steps, period: int, patience_seconds: float) -> None:
    """What is asked next of the period is answered from the index: it should have read the close by then."""
    deadline, pause = time.monotonic() + patience_seconds, threading.Event()
    while not steps.is_mined(f"close:{period}") and time.monotonic() < deadline:
        pause.wait(_POLL_SECONDS)


def _drain(steps: Steps, period: int, patience_seconds: float) -> None:
    deadline, pause = time.monotonic() + patience_seconds, threading.Event()
    with steps.desk.read() as conn:
        newest = newest_intent(conn)
    while True:
        with steps.desk.read() as conn:
            waiting = waiting_up_to(conn, newest)
        if not waiting:
            return
        if time.monotonic() >= deadline:
            raise PeriodNotDrained(period, waiting)
        pause.wait(_POLL_SECONDS)
