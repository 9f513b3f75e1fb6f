"""The clerk of the care room: tells the recovery desk of cases, and carries out what its notice let ripen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from ledger_service.care import queries
from ledger_service.care.cases import CaseDesk
from ledger_service.care.requests import CaseView
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.recovery import Announcement, RecoveryOffice
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import Clock, instant_of_seconds, seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.operations import MoveReason
from ledger_service.kernel.permits import CLOCK_SKEW_SECONDS


@dataclass(frozen=True, slots=True)
class CareClerk:
    """Runs on the leading bridge; every step may be repeated."""

    office: RecoveryOffice
    cases: CaseDesk
    database: Database
    writer: Writer
    clock: Clock
    replay: bool

    def run(self) -> bool:
        """Whatever can be done about cases now is done; returns whether something was."""
        # A block may be dated a little behind us, and the desk goes by the block.
        due = self.clock.now() - timedelta(seconds=CLOCK_SKEW_SECONDS)
        done, after = False, bytes(16)
        while True:
            with self.database.read() as conn:
                some = queries.cases_for_the_desk(conn, due, after, queries.CASES_AT_ONCE)
            for case in some:
                done |= self._step(case)
            # Cases that must wait, for a hold or for a difference, never stand before the others.
            if len(some) < queries.CASES_AT_ONCE:
                return done
            after = some[-1].case_id

    def _step(self, case: CaseView) -> bool:
        steps: dict[str, Callable[[CaseView], bool]] = {
            "approved": self._announce, "objected": self._withdraw, "notice": self._carry_out,
        }  # fmt: skip
        return steps[case.state](case)

    def _announce(self, case: CaseView) -> bool:
        name, at = id_text(case.case_id), self.clock.now()
        reason = MoveReason.RECOVERY if case.stays_id is None else MoveReason.MERGE
        wanted = Announcement(name, case.account, case.successor, reason, case.evidence)
        try:
            told = self.office.announce(wanted, self._stamp())
        except AdminRefused:
            return self._stop(case)
        if told is None:
            return True
        if told.successor != case.successor or told.stopped:
            return self._stop(case)
        ripe_at = instant_of_seconds(told.ripe_at)
        self.writer.run(lambda conn: self.cases.announced(conn, case.case_id, told.number, ripe_at, at))
        return True

    def _withdraw(self, case: CaseView) -> bool:
        if case.number is None:
            # The objection came between approval and announcement, which may have been sent all the same.
            told = self.office.standing(case.account)
            number = told.number if told.successor == case.successor and not told.stopped else 0
        else:
            number = case.number
        if number:
            self.office.withdraw(id_text(case.case_id), case.account, number, self._stamp())
        return self._stop(case)

    def _carry_out(self, case: CaseView) -> bool:
        told = self.office.standing(case.account)
        if told.stopped or told.number != case.number or told.successor != case.successor:
            return self._stop(case)
        at = self.clock.now()
        return self.writer.run(lambda conn: self.cases.carry_out(conn, case.case_id, at))

    def _stop(self, case: CaseView) -> bool:
        at = self.clock.now()
        self.writer.run(lambda conn: self.cases.stopped(conn, case.case_id, at))
        return True

    def _stamp(self) -> int | None:
        return seconds_floor(self.clock.now()) if self.replay else None
