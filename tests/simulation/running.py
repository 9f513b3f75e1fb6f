"""One run: people act, time passes, the bridge works and everything fails, until the storm ends and all must
be well."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from ledger_service.chain.bridge import Progress
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.models import chain_journal
from ledger_service.kernel.campaign_operations import TARGET
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.gs1 import gln_text
from ledger_service.outbox.beside.models import beside_intent
from ledger_service.outbox.models import State, intent
from tests.simulation.accident import Backup, Loss, Recovery, strike, take
from tests.simulation.checking import Broken, Watch, at_rest
from tests.simulation.founding import GLNS
from tests.simulation.machine.front import Told
from tests.simulation.people.acting import People, Surroundings
from tests.simulation.people.memory import Action, Memory
from tests.simulation.world import World

_LOTS = text(
    "SELECT m.member_number, l.programme_id, l.epoch, l.available FROM lot AS l"
    " JOIN member AS m ON m.member_id = l.member_id ORDER BY 1, 2, 3"
)
_REVIEWS = text(
    "SELECT reward_id, state FROM share_reward WHERE state IN ('held', 'refused', 'appealed') ORDER BY 1"
)
_DAY, _ADOPTIONS = 86_460.0, 4
_SHORT, _PAUSES = 50, (0.1, 0.1, 1.0, 1.0, 4.0, 30.0, 90.0)
_DAYS = (3_600.0, 30_000.0, 86_400.0, 3 * 86_400.0, 8 * 86_400.0)


@dataclass(frozen=True)
class Ended:
    """What a run was like; equal for the same seed."""

    seed: int
    trace: str
    answered: int
    met: dict[str, int]


class Run:
    """The loop of one run."""

    def __init__(self, world: World) -> None:
        self.world, self.memory = world, Memory()
        climate = world.climate
        kinds = climate.governed, climate.coupons, climate.items, climate.events, climate.sharing
        around = Surroundings(lambda: seconds_floor(world.clock.at), self._lots, self._reviews, *kinds)
        self.people = People(world.founded, self.world.random, self.memory, around)
        self.watch = Watch(self.world, self.memory)
        world.meanwhile = self._one_more
        self._backup: Backup | None = None

    def go(self, steps: int) -> Ended:
        """The run's end.

        Raises:
            Broken, Forgotten: an invariant does not hold.
        """
        with self.world.clock.installed():
            for number in range(steps):
                self.step()
                self._mishaps(number)
                self.watch.step()
            self.calm()
            self.judge()
        met = {**self.world.met, **self.world.wire.met}
        return Ended(self.world.seed, self.world.trace, len(self.memory.answered), met)

    def judge(self) -> None:
        """All is well at rest.

        Raises:
            Broken: it is not.
        """
        at_rest(self.world, self.memory)

    def _one_more(self) -> None:
        self.do(self.people.next())

    def _lots(self) -> list[tuple[str, int, int, int]]:
        with self.world.inner.read() as conn:
            return [tuple(row) for row in conn.execute(_LOTS)]  # type: ignore[misc]  # four columns

    def _reviews(self) -> list[tuple[str, str]]:
        with self.world.inner.read() as conn:
            return [(bytes(row.reward_id).hex(), row.state) for row in conn.execute(_REVIEWS)]

    def step(self) -> None:
        world, random = self.world, self.world.random
        world.pass_time(random.choice(_PAUSES))
        roll = random.randrange(1000)
        if roll < world.climate.reorg_rate:
            world.reorganise()
        elif roll < world.climate.reorg_rate + world.climate.loss_rate:
            world.lose_blocks()
        elif roll > 985 and self._settled():
            world.pass_time(random.choice(_DAYS))
            world.note("long-pause")
        if self.memory.doubts and random.random() < 0.3:
            self.do(self.memory.doubts.pop(random.randrange(len(self.memory.doubts))))
        else:
            self.do(self.people.next())
        for _ in range(random.choice([0, 1, 1, 2])):
            world.step_bridge()

    def _mishaps(self, number: int) -> None:
        """A backup is taken, or the database is lost and comes back from it."""
        if number == self.world.climate.backup_at:
            self.watch.remember()
            self._backup = take(self.world, self.memory)
        if number == self.world.climate.accident_at and self._backup is not None:
            loss = strike(self.world, self._backup, self.memory)
            self.watch.forget()
            self._recover(self._backup, loss)

    def _recover(self, backup: Backup, loss: Loss) -> None:
        world, recovery = self.world, Recovery(self.world, self.memory, loss)
        self.watch.whole = False
        for _ in range(world.random.choice([0, 3, 6])):
            world.pass_time(1.0)
            world.step_bridge()
            self.watch.step()
        self._quiet()
        for told in loss.told[-world.random.choice([0, 0, 2]) :] if world.random.random() < 0.5 else []:
            action = told.action
            if action is not None and action.kind == "sale" and "number" in action.asked.body["member"]:
                self.do(action)
                world.note("repeated")
        for _ in range(_ADOPTIONS):
            self._quiet()
            recovery.adopt()
            if not recovery.lost():
                break
            # Held since the backup, until the hold's end.
            world.pass_time(_DAY)
        self._quiet()
        recovery.must_be_whole(backup, self.do)
        self.watch.whole = True
        for gln in sorted(loss.suspended ^ self.memory.suspended):
            # The chain knows better than the backup: whoever was suspended since must be so here again.
            self.do(self.people.standing(gln, suspended=gln in loss.suspended))
        world.wire.calm = False

    def do(self, action: Action | None) -> str:
        if action is None:
            return ""
        outcome = self.world.ask(action.asked)
        word = self.memory.hear(action, outcome)
        self.world.note(f"{action.kind} {word}")
        if action.kind == "ask" and isinstance(outcome, Told) and word == "done":
            self.do(self.people.decide(action, outcome.body["adjustment"]))
        return word

    # Rest

    def _settled(self) -> bool:
        """Whether everything that was accepted stands in a block: only then may days pass (D3)."""
        with self.world.inner.read() as conn:
            return self._waiting(conn, State.QUEUED, State.PACKED) == 0

    def _waiting(self, conn: Connection, *states: State) -> int:
        counted = (
            select(func.count()).select_from(intent).where(intent.c.state.in_([s.value for s in states]))
        )
        return int(conn.execute(counted).scalar_one())

    def calm(self) -> None:
        """The storm is over: doubts are cleared, the bridge works until nothing is left to do.

        Raises:
            Broken: it never comes to that.
        """
        self.world.wire.calm = True
        # What a till sold alone waits while its merchant may do no business.
        self._clear([action for action in self.memory.doubts if action.kind != "upload"])
        for gln in map(gln_text, GLNS if self.world.climate.governed else ()):
            self._clear([self.people.standing(gln, suspended=False)])
        self.world.pass_time(5.0)
        self._clear(list(self.memory.doubts))
        self._quiet()

    def _clear(self, open_questions: list[Action]) -> None:
        """Each is asked until it is answered."""
        for action in open_questions:
            if action in self.memory.doubts:
                self.memory.doubts.remove(action)
            for _ in range(_SHORT):
                word = self.do(action)
                if action not in self.memory.doubts:
                    break
                self.memory.doubts.remove(action)
                self.world.pass_time(30.0)
            else:
                raise Broken(f"{action.kind} gets no answer but {word}: {action}")

    def _quiet(self) -> None:
        """Nobody asks anything; the bridges work until nothing is left to do."""
        world = self.world
        world.wire.calm = True
        for _ in range(_SHORT * 8):
            world.pass_time(max(world.climate.seconds_per_block, 2.5))
            if world.chain.client.automine and world.climate.room.confirmations:
                world.chain.mine()
            done = world.calm_pass()
            while isinstance(done, Progress) and done.blocks > 1:
                done = world.calm_pass()
            if isinstance(done, Progress) and self._rests():
                return
        raise Broken(f"it does not come to rest: {done}, {self._states()}, {self._pool()}")

    def _rests(self) -> bool:
        with self.world.inner.read() as conn:
            seen = cursor_of(conn)
            waiting = self._waiting(conn, State.QUEUED, State.PACKED, State.MINED)
            b = beside_intent.c
            beside = select(b.op_id).where(b.target == TARGET, b.state.not_in(("final", "set_aside")))
            waiting += len(conn.execute(beside).all())
            waiting += self._can_be_mined(conn)
        head = self.world.chain.head
        return not waiting and seen is not None and seen.hash == head.hash

    def _can_be_mined(self, conn: Connection) -> int:
        """How many transactions of the node's pool may still come into a block while nobody sends anything.

        One of the hours that a restore has lost can lie above nonces that were never sent: it waits for them,
        and no bridge can know of it.
        """
        chain, ours = self.world.chain, set(conn.execute(select(chain_journal.c.tx_hash)).scalars())
        reached = {who: chain.head.state.nonce(who) for who, _ in chain.pool}
        for who, nonce in sorted(chain.pool):
            reached[who] += nonce == reached[who]
        return sum(tx.hash in ours or nonce < reached[who] for (who, nonce), tx in chain.pool.items())

    def _pool(self) -> list[tuple[int, int, int]]:
        chain = self.world.chain
        return [(nonce, chain.head.state.nonce(who), tx.max_fee) for (who, nonce), tx in chain.pool.items()]

    def _states(self) -> list[tuple[str, int]]:
        with self.world.inner.read() as conn:
            counted = select(intent.c.state, func.count()).group_by(intent.c.state)
            return [tuple(row) for row in conn.execute(counted)]  # type: ignore[misc]  # two columns
