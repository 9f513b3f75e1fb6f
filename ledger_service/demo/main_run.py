"""`scripts/run`: start the product, found the alliance, replay real purchases, prove the books, serve on."""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ledger_service.demo import dataset
from ledger_service.demo.cast import cast_of, firsts_of, ring_of
from ledger_service.demo.coupon_data import ensure_coupons
from ledger_service.demo.coupon_desk import Campaigns
from ledger_service.demo.goods_data import MANUFACTURERS, ensure_goods
from ledger_service.demo.goods_desk import GoodsDesk
from ledger_service.demo.goods_screen import show_goods
from ledger_service.demo.goods_story import Goods
from ledger_service.demo.guests import House, invite, show_logins
from ledger_service.demo.mailing import Mailing
from ledger_service.demo.months import Months
from ledger_service.demo.months_screen import show_months, stranger
from ledger_service.demo.observer import Observer
from ledger_service.demo.processes import Fleet, ProcessFailed, accepts
from ledger_service.demo.progress import Progress
from ledger_service.demo.replay import DAYS, LAST_INSTANT, Replay, end_of_day
from ledger_service.demo.screen import Screen
from ledger_service.demo.service_client import Service
from ledger_service.demo.share_desk import Offices
from ledger_service.demo.share_rules import RING, model_of
from ledger_service.demo.sharing import Sharing
from ledger_service.demo.shop_day import ShopDay
from ledger_service.demo.stack import (
    SetupFailed,
    Stack,
    StackOptions,
    found,
    run_command,
    second_operator,
    start,
)
from ledger_service.demo.story import Desk, Story
from ledger_service.demo.summary import show_result
from ledger_service.demo.town import Scenario

DEFAULT_DAYS = 9
_BAR_SECONDS = 0.25
_PATIENCE_SECONDS = 3600
_PORT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asked for."""

    stack: StackOptions
    days: int
    once: bool
    connections: int
    data: Path
    manufacturers: int


def main(argv: Sequence[str]) -> int:
    """Run; 0 when everything asked for was replayed and database = chain."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    screen = Screen()
    screen.say(f"Alliance Ledger: state in {options.stack.state}/, logs in {options.stack.state}/log/")
    data = options.data
    if not data.exists():
        screen.say("converting the data set once (about 20 seconds)")
    dataset.ensure_cache(data)
    screen.table("What the data set holds", ["", "of the year"], list(dataset.facts(data).items()))
    try:
        with Fleet(options.stack.state / "log") as fleet:
            screen.say("starting signer, chain, bridge and service")
            stack = start(fleet, options.stack)
            clean = asyncio.run(_replay_and_show(options, stack, fleet, (data, screen)))
            if not options.once:
                _serve(stack, fleet, screen)
    except KeyboardInterrupt:
        screen.say("\nstopped; the same command continues from here")
        return 130
    except (ProcessFailed, SetupFailed) as failure:
        screen.say(f"\n{failure}")
        return 1
    return 0 if clean else 1


def _options(argv: Sequence[str]) -> RunOptions:
    parser = argparse.ArgumentParser(prog="scripts/run", description=__doc__)
    _describe(parser)
    given = parser.parse_args(argv)
    for name, most in (("days", DAYS), ("manufacturers", MANUFACTURERS)):
        if not 1 <= getattr(given, name) <= most:
            parser.error(f"--{name} takes 1 to {most}")
    for port in (given.port, given.chain_port):
        if not _comes_free(port):
            parser.error(f"port {port} is taken; choose another with --port or --chain-port")
    stack = StackOptions(
        given.state, given.database_url, given.chain, given.port, given.workers, given.seed, given.chain_port
    )
    data = given.data or given.state / "baskets.db"
    return RunOptions(stack, given.days, given.once, given.connections, data, given.manufacturers)


def _describe(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    days = f"of the data's year, 1 to {DAYS} (default {DEFAULT_DAYS})"
    makers = f"whose products carry codes, 1 to {MANUFACTURERS} (default {MANUFACTURERS})"
    database = "PostgreSQL as postgresql+psycopg://… (default: SQLite in the state)"
    add("--days", type=int, default=DEFAULT_DAYS, help=days)
    add("--once", action="store_true", help="end after the report instead of serving")
    add("--database-url", default="", help=database)
    add("--chain", default="local", help="local (default), anvil, or the URL of a network with time control")
    add("--port", type=int, default=8080, help="of the service (default 8080)")
    add("--chain-port", type=int, default=8545, help="of the chain (default 8545)")
    add("--workers", type=int, default=1, help="worker processes of the service (default 1)")
    add("--connections", type=int, default=16, help="tills at the same time (default 16)")
    add("--seed", default="demo", help="of everything that is invented (default: demo)")
    add("--state", type=Path, default=Path("var/run"), help="where everything is kept (default var/run)")
    add("--data", type=Path, help="the converted data set (default: baskets.db in the state)")
    add("--manufacturers", type=int, default=MANUFACTURERS, help=makers)


def _comes_free(port: int) -> bool:
    """Whether a port is free, after the time that a killed run's processes need to end."""
    deadline = time.monotonic() + _PORT_SECONDS
    while accepts(port) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not accepts(port)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


async def _replay_and_show(
    options: RunOptions, stack: Stack, fleet: Fleet, given: tuple[Path, Screen]
) -> bool:
    data, screen = given
    service = Service(stack.host, stack.port, options.connections)
    progress = Progress(options.stack.state / "progress.db")
    try:
        screen.say("founding the alliance: twelve merchants, eleven programmes")
        alliance = await found(stack, service, progress, options.stack.seed)
        await alliance.publish()
        scenario = Scenario(options.stack.seed, data, end_of_day(options.days), LAST_INSTANT, mishaps=True)
        replay = Replay(scenario, service, alliance, progress)
        months = Months(stack.settings, progress, options.stack.state / "settlement")
        goods = _goods(stack, service, options)
        sharing = _tell(replay, months, stack, service, progress)
        replay.tell(goods)
        await _with_bar(replay, scenario, (screen, fleet))
        screen.say("running the jobs that are due, waiting until the chain holds everything")
        run_command(stack.settings, "jobs")
        await sharing.finish(replay.clock)
        run_command(stack.settings, "jobs")
        await sharing.given(replay.clock, _PATIENCE_SECONDS, fleet.watch)
        run_command(stack.settings, "network", "measure")
        run_command(stack.settings, "value")
        await months.finish()
        observer = Observer(stack.host, stack.port, stack.chain_url)
        await observer.caught_up(_PATIENCE_SECONDS, fleet.watch)
        await sharing.hear_all(replay.clock)
        clean = await show_result(screen, stack, replay, (service, fleet))
        clean = await sharing.show(screen, options.stack.state, replay.clock) and clean
        clean = await show_goods(screen, stack, replay, goods) and clean
        settled = await _show_months(stack, service, (months, screen))
        if not options.once:
            house = House(stack, service, progress, _shown(replay.clock))
            show_logins(screen, await invite(house))
        return settled and clean
    finally:
        await service.close()
        progress.close()


def _tell(replay: Replay, months: Months, stack: Stack, service: Service, progress: Progress) -> Sharing:
    given = replay.town.scenario.data, replay.town.seed
    cast, desk = cast_of(given[0]), Desk(stack.operator_key, second_operator(stack, progress))
    if cast is not None:
        replay.tell(Story(cast, desk))
    replay.tell(ShopDay(given[0], desk))
    replay.tell(months)
    replay.tell(_mailing(stack, service, progress, given))
    sharing = _sharing(stack, service, progress, given)
    replay.tell(sharing)
    return sharing


def _mailing(stack: Stack, service: Service, progress: Progress, given: tuple[Path, str]) -> Mailing:
    data, seed = given
    coupons = data.with_name("coupons.db")
    ensure_coupons(coupons, data)
    keys = stack.operator_key, second_operator(stack, progress)
    return Mailing(coupons, Campaigns(service, keys, seed))


def _sharing(stack: Stack, service: Service, progress: Progress, given: tuple[Path, str]) -> Sharing:
    data, seed = given
    ring = ring_of(data, RING)
    offices = Offices(service, (stack.operator_key, second_operator(stack, progress)), seed)
    return Sharing(model_of(seed, firsts_of(data), ring), ring, offices)


def _goods(stack: Stack, service: Service, options: RunOptions) -> Goods:
    plan = ensure_goods(options.data, options.manufacturers)
    return Goods(plan, GoodsDesk(service, stack.operator_key, options.stack.seed))


async def _show_months(stack: Stack, service: Service, seen: tuple[Months, Screen]) -> bool:
    months, screen = seen
    facts = await service.get("/v1/alliance", "")
    settled = months.settled
    where = facts["registry"], facts["clearing_house"]
    nowhere = Path(stack.settings["ALLIANCE_STATE_DIR"]) / "stranger"
    told = await asyncio.to_thread(stranger, stack.chain_url, where, [m["period"] for m in settled], nowhere)
    return show_months(screen, settled, told)


async def _with_bar(replay: Replay, scenario: Scenario, seen: tuple[Screen, Fleet]) -> None:
    screen, fleet = seen
    total = dataset.count_until(scenario.data, 0, scenario.until)
    start_count, begun = replay.counts["checkouts"], time.monotonic_ns()
    work = asyncio.create_task(replay.run())
    try:
        while not work.done():
            await asyncio.wait([work], timeout=_BAR_SECONDS)
            seconds = max((time.monotonic_ns() - begun) // 1_000_000_000, 1)
            rate = (replay.counts["checkouts"] - start_count) // seconds
            screen.bar(replay.counts["baskets"], total, rate, _shown(replay.clock))
            fleet.watch()
        await work
    finally:
        work.cancel()
    done = replay.counts["checkouts"] - start_count
    millis = max((time.monotonic_ns() - begun) // 1_000_000, 1)
    screen.say(f"{done:,} checkouts in {millis // 1000} s: {done * 1000 // millis:,} a second over HTTP")


def _shown(clock: datetime) -> datetime:
    return max(clock, end_of_day(0))


def _serve(stack: Stack, fleet: Fleet, screen: Screen) -> None:
    screen.say(f"\nserving on {stack.url} (API at {stack.url}/docs), chain on {stack.chain_url}; Ctrl-C ends")
    screen.say(
        f"pages at {stack.url}/ in three languages, for the logins above; docs/tour.md is a way through them"
    )
    while True:
        fleet.watch()
        time.sleep(1)
