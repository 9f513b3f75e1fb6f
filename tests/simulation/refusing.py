"""Runs in which the contract refuses operations at random, and operators have them tried again: also amid
crashes, reorganisations and lost answers nothing is lost or doubled (D7, INV-7)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from ledger_service.kernel.ids import id_text
from ledger_service.outbox.models import State, intent
from ledger_service.points.retries.models import set_aside_retry
from ledger_service.points.retries.queries import hopes
from ledger_service.points.retries.rules import Hopeless
from tests.simulation.checking import Broken, at_rest
from tests.simulation.machine.front import Asked, Told
from tests.simulation.people.memory import Action
from tests.simulation.running import Run

_REFUSED, _TRIED, _ROUNDS = 12, 25, 60
_REASON = "MerchantSuspendedAt(0, 1, 2, 3)"
_I, _R = intent.c, set_aside_retry.c


class RefusingRun(Run):
    """A run whose contract may refuse whatever waits, as one does of which somebody changed the rules."""

    wishes = 0

    def step(self) -> None:
        """One step of a run, with a refusal or a retry now and then."""
        super().step()
        roll = self.world.random.randrange(100)
        if roll < _REFUSED:
            self._refuse()
        elif roll < _REFUSED + _TRIED:
            self._try_again(self.world.random.choice([0, -1]))

    def calm(self) -> None:
        """The storm is over, and operators try what is left until the contract has it.

        Raises:
            Broken: something is never taken.
        """
        super().calm()
        for _ in range(_ROUNDS):
            waiting = self._aside()
            if not waiting:
                return
            for _ in waiting:
                self._try_again(0)
            self.world.pass_time(6.0)
            self._quiet()
        raise Broken(f"never taken: {self._aside()}")

    def judge(self) -> None:
        """As ever, but for what came back whole while it was refused."""
        at_rest(self.world, self.memory, self._undone())

    def _settled(self) -> bool:
        # A week after its acceptance nothing is taken any more.
        return super()._settled() and not self._aside()

    def _refuse(self) -> None:
        """The bridge's dry run blames an operation that waits: what that writes, between two passes."""
        with self.world.inner.begin() as conn:
            moving = (_I.state == State.QUEUED.value) & _I.member_id.is_not(None) & (_I.kind < 7)
            queued = conn.execute(select(_I.op_id).where(moving).order_by(_I.intent_id)).scalars().all()
            if not queued:
                return
            op_id = self.world.random.choice(queued)
            words = {"state": State.SET_ASIDE.value, "reason": _REASON}
            conn.execute(update(intent).where(_I.op_id == op_id).values(**words))
        self.world.note("refused")

    def _try_again(self, which: int) -> None:
        """One operator asks for it, unless that was done, and the other approves."""
        waiting = self._aside()
        if not waiting:
            return
        op_id = waiting[which]
        with self.world.inner.read() as conn:
            asked = (_R.op_id == op_id) & (_R.state == "asked")
            open_one = conn.execute(select(_R.retry_id).where(asked)).scalar_one_or_none()
        if open_one is not None:
            self._decide(op_id, id_text(open_one))
            return
        action = self._wish("ask-retry", self.world.founded.operator, op_id, {"note": "mended"})
        outcome = self.world.ask(action.asked)
        word = self.memory.hear(action, outcome)
        self.world.note(f"ask-retry {word}")
        if isinstance(outcome, Told):
            self._decide(op_id, outcome.body["retry"])

    def _decide(self, op_id: bytes, retry: str) -> None:
        body = {"approve": True}
        self.do(self._wish("decide-retry", self.world.founded.second_operator, op_id, body, retry))

    def _wish(self, route: str, token: str, op_id: bytes, body: dict[str, Any], *retry: str) -> Action:
        self.wishes += 1
        path = [("operation", id_text(op_id)), *(("retry", one) for one in retry)]
        return Action(route, Asked(token, route, body, f"wish-{self.wishes}", tuple(path)))

    def _aside(self) -> list[bytes]:
        """What is refused and may pass, in the order of acceptance."""
        return [op_id for op_id, why in self._refused() if why in (None, Hopeless.ORIGINAL)]

    def _undone(self) -> frozenset[bytes]:
        """What came back whole, with what brought it back."""
        refused = self._refused()
        gone = {op_id for op_id, why in refused if why is Hopeless.UNDONE}
        with self.world.inner.read() as conn:
            citing = select(_I.op_id).where(_I.original_op_id.in_(gone))
            return frozenset(gone | set(conn.execute(citing).scalars()))

    def _refused(self) -> list[tuple[bytes, Hopeless | None]]:
        with self.world.inner.read() as conn:
            aside = _I.state == State.SET_ASIDE.value
            found = conn.execute(select(_I.op_id).where(aside).order_by(_I.intent_id)).scalars().all()
            known = hopes(conn, found, self.world.clock.at)
            undone = {op_id for op_id in found if known[op_id].hopeless is Hopeless.UNDONE}
            cited = dict(conn.execute(select(_I.op_id, _I.original_op_id).where(aside)).all())
        return [(op_id, known[op_id].hopeless) for op_id in found if cited[op_id] not in undone]
