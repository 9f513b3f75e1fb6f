"""The sharing room over the small alliance of the checkout's tests: campaigns, sharers, who they bring."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from ledger_service.checkout.shared_sales import SharedSales
from ledger_service.coupons.wallet.offering import CatalogueOffers
from ledger_service.points.limits.rules import AdjustmentLimits
from ledger_service.points.service import PointsService, PointsSettings
from ledger_service.referrals.campaigns import service as campaigns
from ledger_service.referrals.campaigns.models import share_campaign
from ledger_service.referrals.campaigns.rules import Terms, Trigger
from ledger_service.referrals.campaigns.service import Budget, NewCampaign, Said
from ledger_service.referrals.links.binding import Binder, Follower
from ledger_service.referrals.links.rules import Channel, codes_of
from ledger_service.referrals.links.service import LinkDesk, LiveCode
from ledger_service.referrals.links.touching import TouchCommand, Visit
from ledger_service.referrals.rewards.models import share_purchase, share_reward
from ledger_service.referrals.rewards.reviewing import Step
from ledger_service.referrals.rewards.service import RewardDesk
from tests.integration.checkout.couponed import CouponShop
from tests.integration.checkout.shop import DOMAIN, GROCER, Phone, Shop, line, loads

TERMS = Terms(Trigger.FIRST_PURCHASE, sharer_points=100, newcomer_points=50, vest_days=0)
BROWSER = "Mozilla/5.0 (iPhone) MicroMessenger/8.0"


class Random:
    """The operating system's randomness."""

    def random_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class Sharing:
    """One worker's sharing room."""

    def __init__(self, shop: Shop, promises: bool = False) -> None:
        self.shop = shop
        sales = SharedSales()
        self.links = LinkDesk(codes_of(b"s" * 32), Random(), b"k" * 32)
        self.binder = Binder(Random(), sales)
        self.coupons = CouponShop(shop)
        offers = CatalogueOffers(self.coupons.cache)
        self.rewards = RewardDesk(shop.writer, shop.database, shop.catalogue, sales, offers, "w1", promises)
        settings = PointsSettings(DOMAIN, shop.desk.limits, AdjustmentLimits(1_000, 5_000), "w1")
        self.points = PointsService(shop.writer, shop.database, shop.catalogue, settings)

    def campaign(self, terms: Terms = TERMS, code: str = "SPRING", budget: Budget | None = None) -> str:
        """A live campaign of the grocer."""
        run, at = self.shop.writer.run, self.shop.clock.at
        new = NewCampaign(code, GROCER, "GROC", "春 spring", terms, budget or Budget(100_000, 1_000))
        run(lambda conn: campaigns.ask(conn, new, Said("merchant:ann", at)))
        run(lambda conn: campaigns.decide(conn, code, Said("merchant:bob", at), approve=True))
        run(lambda conn: campaigns.go_live(conn, code, Said("merchant:ann", at)))
        return code

    def set_budget(self, budget: Budget) -> None:
        said = Said("merchant:ann", self.shop.clock.at)
        self.shop.writer.run(lambda conn: campaigns.set_budget(conn, "SPRING", budget, said))

    def link(self, phone: Phone, campaign: str = "SPRING", channel: Channel = Channel.WECHAT_GROUP) -> str:
        at = self.shop.clock.at
        row = self.shop.writer.run(
            lambda conn: self.links.of_member(conn, campaign, phone.member_id, channel, at)
        )
        return str(row["code"])

    def at_the_door(self, cashier: str) -> str:
        """A live code at the door, which the cashier holds."""
        held, at = LiveCode("door", cashier, "merchant:ann"), self.shop.clock.at
        return str(self.shop.writer.run(lambda conn: self.links.live_code(conn, "SPRING", held, at))["code"])

    def touch(self, code: str, agent: str = BROWSER) -> bytes:
        visit = Visit(code, secrets.token_bytes(16), agent, self.shop.clock.at)
        self.shop.writer.submit(TouchCommand(visit, self.links.codes))
        return visit.touch_id

    def bind(self, touch_id: bytes, phone: Phone, newcomer: bool = True) -> int:
        who, at = Follower(phone.member_id, newcomer), self.shop.clock.at
        return self.shop.writer.run(lambda conn: self.binder.bind(conn, touch_id, who, at))

    def bring(self, sharer: Phone, campaign: str = "SPRING") -> Phone:
        """A newcomer who enrolled over a link of the sharer, an hour ago by now."""
        phone = self.shop.enrol()
        self.bind(self.touch(self.link(sharer, campaign)), phone)
        self.shop.clock.forward(hours=1)
        return phone

    def buy(self, phone: Phone, amount: int = 1_000, **more: Any) -> str:
        body = self.shop.sale_body(line("1", amount, 2), member={"number": phone.number}, **more)
        return str(loads(self.shop.send_sale(body))["sale_id"])

    def job(self) -> None:
        """Everything that the bridge's job would do now."""
        at = self.shop.clock.at
        while self.rewards.follow(at):
            pass
        while self.rewards.take_back(at):
            pass
        self.rewards.end_reviews(at)
        self.rewards.pay_due(at)
        self.rewards.tell_chain(at)
        while self.points.vest_due(at):
            pass

    def step(self, reward_id: bytes, kind: str, by: str = "merchant:ann", **more: int) -> str:
        return str(self.rewards.step(Step(reward_id, kind, by, "because", self.shop.clock.at, **more)))

    def outcomes(self) -> list[str]:
        with self.shop.database.read() as conn:
            its = select(share_purchase.c.outcome).order_by(
                share_purchase.c.sold_at, share_purchase.c.ordinal
            )
            return list(conn.execute(its).scalars())

    def paid(self) -> list[tuple[str, int, int, str]]:
        """Role, member, points and state of each reward."""
        r = share_reward.c
        with self.shop.database.read() as conn:
            its = select(r.role, r.member_id, r.points, r.state).order_by(r.made_at, r.role)
            return [tuple(row) for row in conn.execute(its)]

    def reward(self, role: str) -> Any:
        with self.shop.database.read() as conn:
            return conn.execute(select(share_reward).where(share_reward.c.role == role)).one()

    def used(self) -> tuple[int, int]:
        c = share_campaign.c
        with self.shop.database.read() as conn:
            return tuple(conn.execute(select(c.used_points, c.used_rewards)).one())

    def count(self, table: Any) -> int:
        with self.shop.database.read() as conn:
            return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def terms(**changes: Any) -> Terms:
    return replace(TERMS, **changes)


LATER = timedelta(days=1)
