"""Disputes past their deadline: the board decides, by an act that all see two days before it counts."""

from __future__ import annotations

from ledger_service.chain.artifacts import load
from ledger_service.chain.artifacts.access import EXECUTION_DELAY_SECONDS, Role
from ledger_service.chain.delayed import DelayedActs
from ledger_service.chain.errors import AdminRefused
from ledger_service.chain.settlement_office import SettlementOffice
from ledger_service.kernel.settlement_words import Decided

# Our clock and the chain's differ; a deadline that is this near to the delay's end is waited for afterwards.
_MARGIN_SECONDS = 3_600


class Arbitration:
    """Schedules and makes decisions with custody's operator key, as long as that is the admin's, too."""

    def __init__(self, office: SettlementOffice, manager: bytes) -> None:
        self._office, self._acts = office, DelayedActs(office.steps, manager)

    def decide(self, decided: Decided, evidence: bytes, now: int, timestamp: int | None = None) -> int:
        """Whatever of the decision can be done now is done; ask again until it is made.

        Args:
            decided: what of the held amount is owed; it counts in the period that is published next.
            evidence: the SHA-256 of the board's reasons.
            now: seconds since 1970, by the chain's clock.
            timestamp: in replay, the least time of the blocks.

        Returns:
            0 once it is made, else from when (seconds) on it may be.

        Raises:
            AdminRefused: nothing is held, or less than that, or custody's operator key is no admin.

        Idempotency: what is scheduled or done already is found on the chain.
        """
        pair = decided.period, decided.debtor, decided.creditor
        held = self._office.held(*pair)
        data = load("SettlementDesk").call_data("arbitrate", *pair, decided.pay_micros, evidence)
        act = self._office.desk, data
        if not held.open:
            self._was_made(act, timestamp)
            return 0
        if not min(0, held.micros) <= decided.pay_micros <= max(0, held.micros):
            # In two days the desk would refuse it.
            raise AdminRefused("arbitrate", f"{held.micros} micros are held, in that direction")
        far = held.deadline > now + EXECUTION_DELAY_SECONDS[Role.ADMIN] + _MARGIN_SECONDS
        due = max(self._acts.scheduled(*act, timestamp, held.deadline if far else 0), held.deadline)
        if due > now:
            return due
        self._acts.perform(*act, timestamp)
        return 0

    def _was_made(self, act: tuple[bytes, bytes], timestamp: int | None) -> None:
        """Finds the decision that a process made and did not live to tell of."""
        try:
            self._acts.perform(*act, timestamp)
        except AdminRefused as refusal:
            raise AdminRefused("arbitrate", "nothing is held of it, or it was decided otherwise") from refusal
