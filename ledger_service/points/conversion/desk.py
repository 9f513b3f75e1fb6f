"""Conversions for front doors and jobs: quotes, permitted ones, and what is left of ended programmes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.engine import Database
from ledger_service.db.writer import Writer
from ledger_service.kernel.clock import seconds_floor
from ledger_service.points.blocks import with_blocks
from ledger_service.points.catalogue import CatalogueCache
from ledger_service.points.conversion.command import ConversionRequest, ConversionScene, ConvertCommand
from ledger_service.points.conversion.deals import Deal, Wish, agreed, at_the_end, two_of
from ledger_service.points.conversion.errors import ConversionRefused
from ledger_service.points.conversion.winding import WindDownCommand, holders_of
from ledger_service.points.issuance import Worker
from ledger_service.points.service import PointsSettings


def _as_it_is(command: BookCommand[Any]) -> BookCommand[Any]:
    return command


class ConversionDesk:
    """Commands of conversions; safe for any number of threads, the job run by one leader."""

    def __init__(
        self, writer: Writer, database: Database, catalogue: CatalogueCache, settings: PointsSettings
    ) -> None:
        self._writer, self._database = writer, database
        self._catalogue, self._settings = catalogue, settings

    def quote(self, wish: Wish, at: datetime) -> Deal:
        """What the points come to now.

        Raises:
            ProgrammeUnknown, ConversionNotOffered, ConversionRefused.
        """
        source, target = two_of(self._catalogue.current(), wish)
        deal = agreed(source, target, seconds_floor(at))
        if not deal.received(wish.points):
            raise ConversionRefused("too-few")
        return deal

    def convert(
        self,
        request: ConversionRequest,
        at: datetime,
        keyed: Callable[[BookCommand[Any]], BookCommand[Any]] = _as_it_is,
    ) -> Any:
        """Points of the member's are points of another programme; returns what ``keyed`` makes of it.

        Raises:
            What ``ConvertCommand`` does, but for an empty block.

        Invariants: INV-9, INV-10.
        """
        settings, catalogue = self._settings, self._catalogue.current()

        def make(worker: Worker) -> BookCommand[Any]:
            scene = ConversionScene(settings.domain, settings.custodial, catalogue, worker)
            return keyed(ConvertCommand(request, scene, at))

        return self._with_blocks(make)

    def wind_down_due(self, at: datetime) -> int:
        """Points of some members of an ended programme have converted; returns how many members had any.

        Idempotency: repeat until it answers 0; a run that was cut off goes on where it was, for what has
        converted is there no more. Held points are found by a later run (D9).
        """
        known = list(self._catalogue.current().programmes.values())
        for source in known:
            deal = at_the_end(source, known, seconds_floor(at))
            if deal is None:
                continue
            done = self._wind_down_some(deal, at)
            if done:
                return done
        return 0

    def _wind_down_some(self, deal: Deal, at: datetime) -> int:
        last = 0
        while True:
            with self._database.read() as conn:
                members = holders_of(conn, deal, last)
            if not members:
                return 0
            done = self._with_blocks(partial(WindDownCommand, deal, members, at=at))
            if done:
                return int(done)
            last = members[-1]  # none of these can be converted yet; they must not hide those behind them

    def _with_blocks(self, make: Callable[[Worker], BookCommand[Any]]) -> Any:
        return with_blocks(self._writer, self._catalogue, self._settings.worker, make)
