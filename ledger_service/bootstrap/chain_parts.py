"""What the chain room is given: its settings, a node, keys through custody, and named admin steps."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

from ledger_service.chain.admin import Steps
from ledger_service.chain.client import Node
from ledger_service.chain.delivery import Delivery, LiveDelivery, ReplayDelivery
from ledger_service.chain.desk import Desk
from ledger_service.chain.ports import SliceToSign
from ledger_service.chain.settings import ChainSettings
from ledger_service.chain.transport import Transport
from ledger_service.config import ConfigurationError, Settings
from ledger_service.custody.errors import SigningRefused
from ledger_service.custody.ports import Custody
from ledger_service.custody.requests import SignSlice, SignSliceBeside, SignTransaction
from ledger_service.db.engine import Database


class CustodyKeys:
    """Custody as the chain room wants it."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._addresses: dict[str, bytes] = {}

    def sign_slices(self, slices: Sequence[SliceToSign]) -> list[bytes | None]:
        """The merchants' signatures in order; None where custody holds no such key.

        Raises:
            SignerUnavailable: custody does not answer.
        """
        asked = [_slice_request(one) for one in slices]
        found: list[bytes | None] = []
        for answer in self._custody.ask(asked):
            if isinstance(answer, SigningRefused):
                found.append(None)
            elif isinstance(answer, Exception):
                raise answer
            else:
                found.append(answer)
        return found

    def sign_transaction(self, key: str, unsigned: bytes) -> bytes:
        """The signature of a chain tx by the named sending key.

        Raises:
            SigningRefused: another chain, or a target that is none of the alliance's contracts.
        """
        return self._custody.sign_transaction(SignTransaction(key, unsigned))

    def address_of(self, key: str) -> bytes:
        """The address of a named key."""
        if key not in self._addresses:
            self._addresses[key] = self._custody.address_of(key)
        return self._addresses[key]


def _slice_request(one: SliceToSign) -> SignSlice | SignSliceBeside:
    if one.beside is None:
        return SignSlice(one.batch, one.merchant, one.leaves)
    return SignSliceBeside(one.beside, one.batch, one.merchant, one.leaves)


def chain_settings(settings: Settings) -> ChainSettings:
    """The chain room's settings."""
    return ChainSettings(
        most_operations=settings.batch_most,
        most_in_flight=settings.batches_in_flight,
        linger_seconds=settings.batch_linger_millis / 1000,
        confirmations=settings.confirmations,
        priority_fee_wei=settings.priority_fee_wei,
        fee_floor_wei=settings.fee_floor_wei,
        replay=settings.replay,
        first_block=settings.first_block,
    )


def wall() -> datetime:
    """Real time, for leases, retries and our own rows."""
    return datetime.now(UTC)


def node_of(settings: Settings) -> Node:
    """The chain's node; nothing is asked yet.

    Raises:
        ConfigurationError: the address is none that a node can have.
    """
    try:
        return Node(Transport(settings.chain_url))
    except ValueError as odd:
        raise ConfigurationError(f"ALLIANCE_CHAIN_URL {odd}") from None


def desk_of(database: Database, settings: ChainSettings) -> Desk:
    """A desk of this process, which does not lead yet."""
    # Containers may have one host name and all begin with the same process id.
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    return Desk(database, holder, wall, settings.lease_seconds)


def steps_of(desk: Desk, node: Node, custody: Custody, settings: ChainSettings) -> Steps:
    """Admin steps with the operator's sending key; the desk must lead when one is performed."""
    delivery: Delivery = ReplayDelivery(node) if settings.replay else LiveDelivery(node)
    return Steps(desk, node, CustodyKeys(custody), delivery, settings)
