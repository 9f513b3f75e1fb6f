"""The jobs of the leading bridge, each resumable and safe to run twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledger_service.bootstrap.carriers import carrier_of
from ledger_service.bootstrap.clocks import NotedClock, SystemClock
from ledger_service.bootstrap.erasing import Erasures, erasures
from ledger_service.bootstrap.foundations import Foundations, SystemRandom, background_clock
from ledger_service.bootstrap.items_service import items_service
from ledger_service.bootstrap.messages import Postman
from ledger_service.bootstrap.paying import payment_job
from ledger_service.bootstrap.prize_drawing import alarm_stopped_prizes
from ledger_service.bootstrap.segmenting import Segmenting
from ledger_service.bootstrap.sharing import reward_desk
from ledger_service.bootstrap.tills import Secrets, Tills, open_tills
from ledger_service.bootstrap.webhooks import WebhookJobs, webhook_jobs
from ledger_service.bootstrap.worker_name import WorkerName
from ledger_service.chain.status import open_period
from ledger_service.checkout.claimed_sales import ReceiptSales
from ledger_service.checkout.collecting.service import CollectingDesk
from ledger_service.checkout.couponing.clearing import CLEARED_AT_ONCE, clear, waits
from ledger_service.checkout.household_sales import spent_by_keys
from ledger_service.checkout.items.early import next_untold, tell_early
from ledger_service.checkout.items.service import ItemsService
from ledger_service.checkout.queries import merchants_of
from ledger_service.checkout.recounting import next_due
from ledger_service.claims.late import late_sales
from ledger_service.claims.queries import something_is_due
from ledger_service.claims.service import ClaimsService
from ledger_service.coupons.telling.service import Teller
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.db.writer import Writer, WriterLimits
from ledger_service.kernel.clock import Clock
from ledger_service.ledger.queries import holds_due
from ledger_service.members.cards.pumping import bounds_of
from ledger_service.members.households.parting import PartingDesk
from ledger_service.members.households.queries import lapse_is_due
from ledger_service.members.identities import IdentityVault
from ledger_service.payments.settling import PaymentJob
from ledger_service.points.receipts.late import LateSaleCommand
from ledger_service.referrals.links.telling import STEP_WORDS, something_to_tell, tell_commitments
from ledger_service.referrals.rewards.service import RewardDesk
from ledger_service.risk.pruning import forget
from ledger_service.traceability.goods.queries import next_unmade
from ledger_service.traceability.goods.service import Goods
from ledger_service.traceability.log.queries import has_work
from ledger_service.traceability.log.service import CHECKPOINT_EVERY, checkpoint, grow
from ledger_service.traceability.proofs.commitments import Commitments, next_unanchored

_HOLDS_AT_ONCE = 200
# Tills wait while a step is written.
_MEMBERS_AT_ONCE = 1000
_ROWS_AT_ONCE = 500
Step = Callable[[], bool]


@dataclass(frozen=True)
class Jobs:
    """The jobs with the writer that they use."""

    foundations: Foundations
    clock: Clock
    writer: Writer
    name: WorkerName
    tills: Tills
    commitments: Commitments
    rewards: RewardDesk
    items: ItemsService
    postman: Postman | None = None
    webhooks: WebhookJobs | None = None
    erasures: Erasures | None = None
    segmenting: Segmenting | None = None
    payments: PaymentJob | None = None

    def steps(self) -> Mapping[str, Step]:
        """Every job by its name; a step returns whether there is more to do at once."""
        messages: dict[str, Step] = {} if self.postman is None else {"messages": self.send_messages}
        return {**messages, **self._telling()} | {
            "hold-deadlines": self.expire_holds,
            "vesting": lambda: self.tills.points.vest_due(self.clock.now()) > 0,
            "inactivity": lambda: self.tills.points.extend_due(self.clock.now()) > 0,
            "expiry": lambda: self.tills.points.expire_due(self.clock.now()) > 0,
            "wind-downs": lambda: self.tills.conversions.wind_down_due(self.clock.now()) > 0,
            "notices": lambda: self.tills.points.write_notices(self.clock.now()) > 0,
            "tiers": self.recount_tiers,
            "households": self.lapse_parts,
            "claims": self.follow_claims,
            "reviews": lambda: self.tills.reviews.end_due(self.clock.now()) > 0,
            "judgements": self.forget_judgements,
            "event-log": self.follow_events,
            "item-roots": self.commit_to_items,
            "items-told": self.tell_early_claims,
            "prizes": self.give_prizes,
            "prizes-left": lambda: self.items.take_left_prizes(self.clock.now()),
            "coupons": lambda: Teller(self.foundations.database, merchants_of).step(self.clock.now()),
            "coupon-clearing": self.clear_coupons,
            "spend-rewards": self.add_up_receipts,
            "sharing": lambda: self.rewards.follow(self.clock.now()),
            "share-returns": lambda: self.rewards.take_back(self.clock.now()),
            "share-reviews": lambda: self.rewards.end_reviews(self.clock.now()),
            "share-rewards": lambda: self.rewards.pay_due(self.clock.now()),
            "share-promises": lambda: self.rewards.tell_chain(self.clock.now()),
            "set-aside": lambda: self.tills.points.apply_set_aside(self.clock.now()) > 0,
        }

    def _telling(self) -> Mapping[str, Step]:
        hooks = self.webhooks
        told: dict[str, Step] = {} if self.erasures is None else {"erasures": self.erasures.step}
        if self.segmenting is not None:
            told["segments"] = self.segmenting.step
        payments = self.payments
        if payments is not None:
            told["payments"] = lambda: payments.step(self.clock.now())
        if hooks is not None:
            told |= {"webhooks": hooks.follow, "webhook-deliveries": hooks.send}
            told["subscriptions"] = hooks.report
        return told

    def send_messages(self) -> bool:
        """One-time codes and notices of cases are handed to the carrier."""
        return self.postman is not None and self.postman.run(self.clock.now())

    def expire_holds(self) -> bool:
        """Holds whose deadline has passed are closed and their points free."""
        at = self.clock.now()
        with self.foundations.database.read() as conn:
            due = holds_due(conn, at, _HOLDS_AT_ONCE)
        for hold_id, _member_id in due:
            self.tills.checkout.expire_hold(hold_id, at)
        return len(due) == _HOLDS_AT_ONCE

    def give_prizes(self) -> bool:
        """What claims have won is given; prizes that can never be are told by an alarm."""
        at = self.clock.now()
        more = self.items.give_prizes(at)
        alarm_stopped_prizes(self.foundations.database, self.writer, at)
        return more

    def recount_tiers(self) -> bool:
        """The tiers of the next members are counted, where a day or a ladder has begun since."""
        ladders, at = self.tills.ladders.current(), self.clock.now()
        if not ladders.count:
            return False
        catalogue = self.tills.catalogue.current()
        with self.foundations.database.read() as conn:
            due = next_due(conn, catalogue, ladders, at)
        if due is None:
            return False
        self.writer.run(lambda conn: due.step(conn, at, _MEMBERS_AT_ONCE))
        return True

    def lapse_parts(self) -> bool:
        """What households kept for mates that left is theirs again where nobody fetched it."""
        at, desk = self.clock.now(), PartingDesk(spent_by_keys)
        with self.foundations.database.read() as conn:
            if not lapse_is_due(conn, at):
                return False
        return self.writer.run(lambda conn: desk.lapse(conn, at)) > 0

    def follow_claims(self) -> bool:
        """Claims are looked for again, and those whose answer is overdue are the operator's to see."""
        at, tills = self.clock.now(), self.tills
        with self.foundations.database.read() as conn:
            if not something_is_due(conn, at):
                return False
        sales = ReceiptSales(tills.catalogue)
        desk = ClaimsService(tills.points, sales)
        done = self.writer.run(lambda conn: desk.match_some(conn, at) + desk.escalate_some(conn, at))
        late = self.writer.run(lambda conn: late_sales(conn, sales, at))
        news = [self.writer.submit(LateSaleCommand(one, tills.catalogue.current(), at)) for one in late]
        return done + sum(news) > 0

    def forget_judgements(self) -> bool:
        """What rules need no more of the past is gone, some rows at a time."""
        at = self.clock.now()
        if not self.tills.rules.current().sets:
            return False
        return self.writer.run(lambda conn: forget(conn, at, _ROWS_AT_ONCE)) == _ROWS_AT_ONCE

    def follow_events(self) -> bool:
        """Events and commitments of sharing are in the log, and a checkpoint is made where one is due."""
        at, database = self.clock.now(), self.foundations.database
        with database.read() as conn:
            untold = something_to_tell(conn)
            if not untold and not has_work(conn, at, CHECKPOINT_EVERY):
                return False
        # Not by the writer of sales, which would wait for a step.
        with database.begin() as conn:
            told = tell_commitments(conn) if untold else 0
            taken = grow(conn)
            checkpoint(conn, at)
        return taken > 0 or told == STEP_WORDS

    def clear_coupons(self) -> bool:
        """What coupons took off and what came back of it is of the settlement period that is open."""
        database = self.foundations.database
        with database.read() as conn:
            if not waits(conn):
                return False
        with database.begin() as conn:
            return clear(conn, open_period(conn) or 1) == CLEARED_AT_ONCE

    def add_up_receipts(self) -> bool:
        """Rewards for spend over time are what receipts say."""
        tills, database = self.tills, self.foundations.database
        desk = CollectingDesk(self.writer, database, tills.coupons, tills.catalogue, tills.desk.exponent)
        return desk.step(self.clock.now())

    def commit_to_items(self) -> bool:
        """A batch gets the items that it lacks and then its root, some at a time."""
        at, database = self.clock.now(), self.foundations.database
        with database.read() as conn:
            unmade, batch_no = next_unmade(conn), next_unanchored(conn)
        if unmade is not None:
            with database.begin() as conn:
                Goods(self.commitments.master, SystemRandom()).make_items(conn, unmade)
            return True
        if batch_no is None:
            return False
        with database.begin() as conn:
            self.commitments.step(conn, batch_no, at)
        return True

    def tell_early_claims(self) -> bool:
        """What of a batch was claimed or came back before its root stood is on its way to the chain."""
        at, database = self.clock.now(), self.foundations.database
        with database.read() as conn:
            batch_no = next_untold(conn, at)
        if batch_no is None:
            return False
        with database.begin() as conn:
            tell_early(conn, batch_no, at)
        return True

    def close(self) -> None:
        """The writer has ended."""
        if self.webhooks is not None:
            self.webhooks.close()
        self.writer.close()
        self.name.release()


def open_jobs(foundations: Foundations, secrets: Secrets) -> Jobs:
    """The jobs of a process."""
    clock: NotedClock | SystemClock = background_clock(foundations.settings, foundations.database)
    writer = Writer(foundations.database, clock, WriterLimits())
    name = WorkerName(foundations.settings.state_dir)
    tills = open_tills(foundations, secrets, writer, name.text)
    commitments = Commitments(secrets.one_time)
    rewards = reward_desk(writer, foundations, tills, name.text)
    items = items_service(
        foundations, secrets, CatalogueOffers(tills.coupons), (writer, tills.catalogue, name.text)
    )
    postman = _postman(foundations, secrets, writer)
    webhooks = webhook_jobs(foundations, secrets, clock)
    insight = erasures(foundations, clock.now), Segmenting(foundations.database, clock.now)
    payments = payment_job(foundations, secrets, writer, tills)
    return Jobs(foundations, clock, writer, name, tills, commitments, rewards, items, postman,
                webhooks, *insight, payments)  # fmt: skip


def _postman(foundations: Foundations, secrets: Secrets, writer: Writer) -> Postman | None:
    carrier = carrier_of(foundations.settings.messages, secrets.one_time)
    if carrier is None:
        return None
    vault, alliance = IdentityVault(secrets.identity), foundations.alliance
    return Postman(
        carrier, foundations.database, writer, vault, secrets.one_time, alliance.currency, alliance.name,
        bounds_of(foundations.settings.codes_per_range_day),
    )  # fmt: skip
