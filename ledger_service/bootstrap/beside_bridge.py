"""The operator's steps on chain from a command, while a bridge leads in another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger_service.bootstrap.chain_parts import chain_settings, node_of, steps_of, wall
from ledger_service.bootstrap.foundations import Foundations, background_clock, lay_foundations
from ledger_service.chain.admin import Steps
from ledger_service.chain.desk import Desk
from ledger_service.config import Settings
from ledger_service.kernel.clock import seconds_floor


@contextmanager
def steps_beside_bridge(settings: Settings) -> Iterator[tuple[Foundations, Steps]]:
    """Steps with the operator's key of custody, over the database and the node of the settings."""
    foundations, node = lay_foundations(settings), node_of(settings)
    try:
        node.must_serve(foundations.alliance.chain_id)
        # Unfenced: a bridge leads meanwhile; the rows of the nonces keep the two apart.
        desk = Desk.unfenced(foundations.database, wall)
        yield foundations, steps_of(desk, node, foundations.custody, chain_settings(settings))
    finally:
        node.transport.close()
        foundations.close()


def replay_stamp(foundations: Foundations) -> int | None:
    """In replay, steps are dated by where the replay stands (D16)."""
    if not foundations.settings.replay:
        return None
    return seconds_floor(background_clock(foundations.settings, foundations.database).now())
