"""Administration on chain: each step has a name, is done once, and a broken-off run goes on where it was.

A step's nonce is taken and its signed bytes are stored under its name before anything is sent, so
the same name never gives a second transaction (R3, R5).
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select, update

from ledger_service.chain.artifacts import load
from ledger_service.chain.client import CallAt, Node
from ledger_service.chain.decode import Fact, ProgrammeCreated, fact_of
from ledger_service.chain.delivery import Delivery
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import AdminRefused, ChainUnavailable, NodeRefusal
from ledger_service.chain.indexer import cursor_of
from ledger_service.chain.models import chain_journal, chain_step, chain_tx
from ledger_service.chain.outbound import Draft, NonceMoved, Outbound
from ledger_service.chain.ports import OPERATOR, Keys
from ledger_service.chain.refusals import refusal_of
from ledger_service.chain.reverted import freed, why_reverted
from ledger_service.chain.settings import MOST_GAS_PER_TX, ChainSettings, Contracts
from ledger_service.chain.submitter import Submitter
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.chain_tx import call_of, created_address

_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 120.0
# How far a chain's clock may be behind ours.
_SLACK_SECONDS = 60
Call = tuple[bytes | None, bytes]
F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class MerchantOnChain:
    """A merchant to admit: its GLN and the addresses of its three keys."""

    merchant: int
    admin: bytes
    operations: bytes
    settlement: bytes


@dataclass(frozen=True, slots=True)
class TermsOnChain:
    """One version of terms: seconds, micros per point, hundredths of a percent, points, epochs."""

    effective_from: int
    point_value_micros: int
    fee_bps: int
    issuance_cap: int
    validity_epochs: int

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """The fields in the contract's order."""
        values = (self.effective_from, self.point_value_micros, self.fee_bps)
        return (*values, self.issuance_cap, self.validity_epochs)


@dataclass(frozen=True, slots=True)
class ProgrammeOnChain:
    """A programme to create: its issuer, name, symbol, the ends of its epochs in seconds and its first
    terms."""

    merchant: int
    name: str
    symbol: str
    epoch_ends: tuple[int, ...]
    first_terms: TermsOnChain


class Steps:
    """Carries out named steps with one sending key, one after the other, each mined before the next."""

    def __init__(
        self, desk: Desk, node: Node, keys: Keys, delivery: Delivery, settings: ChainSettings
    ) -> None:
        self.desk, self.node = desk, node
        self.outbound = Outbound(desk, node, keys, settings)
        self._submitter = Submitter(desk, node, self.outbound, delivery, settings)
        self._delivery, self._replay = delivery, settings.replay
        self._key = OPERATOR

    def by(self, key: str) -> Steps:
        """The same, with another sending key."""
        other = copy(self)
        other._key = key
        return other

    def perform(self, name: str, to: bytes | None, data: bytes, timestamp: int | None = None) -> bytes | None:
        """The step stands in a block, whether this call or an earlier one sent it.

        Args:
            name: unique in this alliance.
            to: the contract to call, or None to create one.
            data: calldata, or creation code.
            timestamp: in replay mode, the least time of the step's block.

        Returns:
            the address of a created contract.

        Raises:
            AdminRefused: the contract refuses the call, and nothing was sent; or it did so in the call's
                block, and the reason names step and block.
            ChainUnavailable: not mined in time; the same call goes on waiting for the same transaction.

        Idempotency: by ``name``; one that was reverted for good may be asked for again.
        """
        call = (to, data)
        for _ in range(8):
            row = self._stored(name)
            if row is not None:
                if self._freed(name):
                    continue
                self._await_mined(name, call, row.nonce)
                return None if row.address is None else bytes(row.address)
            if self._take_over(name, call, (timestamp or 0) - _SLACK_SECONDS):
                continue
            try:
                self._sign(name, to, data, timestamp)
            except AdminRefused:
                # Perhaps because it was done already, later than the backup that this database comes from.
                if not self._take_over(name, call, 0):
                    raise
        raise ChainUnavailable("eth_sendRawTransaction", "the sending key's nonce keeps moving")

    def created(self, name: str) -> bytes | None:
        """The address of what the step created or is creating; None where it was not sent."""
        row = self._stored(name)
        return None if row is None or row.address is None else bytes(row.address)

    def told(self, name: str, kind: type[F]) -> F:
        """The first fact of that kind in the logs of the step's own transaction.

        Raises:
            ChainUnavailable: the node has no such log of it.
        """
        for log in self.node.logs_of_transactions(self._hashes(name)):
            fact = fact_of(log)
            if isinstance(fact, kind):
                return fact
        raise ChainUnavailable("eth_getTransactionReceipt", f"{name} is not told by its logs")

    def is_mined(self, name: str) -> bool:
        """Whether the index knows the step's transaction in a block, so that another key's may follow it."""
        query = select(chain_tx.c.tx_hash).where(
            chain_tx.c.step == name, chain_tx.c.state.in_(("mined", "final"))
        )
        with self.desk.read() as conn:
            return conn.execute(query).first() is not None

    def _stored(self, name: str) -> Any:
        with self.desk.read() as conn:
            return conn.execute(select(chain_step).where(chain_step.c.key == name)).one_or_none()

    def _take_over(self, name: str, call: Call, since: int) -> bool:
        """Whether the same call of ours, which no step of this database sent, was mined at ``since`` or later
        and now is this step's."""
        mine = (chain_tx.c.signer == self.outbound.sender(self._key)) & (
            chain_tx.c.state.in_(("mined", "final"))
        )
        free = mine & chain_tx.c.step.is_(None) & chain_tx.c.batch_number.is_(None)
        query = select(chain_tx.c.tx_hash, chain_tx.c.signer, chain_tx.c.nonce, chain_journal.c.raw_tx)
        query = query.join(chain_journal, chain_journal.c.tx_hash == chain_tx.c.tx_hash)
        with self.desk.read() as conn:
            rows = conn.execute(query.where(free & (chain_journal.c.block_timestamp >= since))).all()
        found = next((row for row in rows if call_of(row.raw_tx) == call), None)
        if found is None:
            return False
        address = created_address(found.signer, found.nonce) if call[0] is None else None
        with self.desk.write() as conn:
            row = {"key": name, "signer": found.signer, "nonce": found.nonce, "address": address}
            sql_of(chain_step, conn).insert(conn, [row])
            conn.execute(update(chain_tx).where(chain_tx.c.tx_hash == found.tx_hash).values(step=name))
        return True

    def _sign(self, name: str, to: bytes | None, data: bytes, timestamp: int | None) -> None:
        sender, nonce = self.outbound.sender(self._key), self.outbound.next_nonce(self._key)
        gas = self._gas(name, sender, to, data, timestamp)
        stamp = timestamp if self._replay else None
        signed = self.outbound.sign(self._key, nonce, Draft(to, data, gas, step=name, timestamp=stamp))
        address = created_address(sender, nonce) if to is None else None
        try:
            with self.desk.write() as conn:
                row = {"key": name, "signer": sender, "nonce": nonce, "address": address}
                sql_of(chain_step, conn).insert(conn, [row])
                self.outbound.store_next(conn, signed)
        except NonceMoved:
            return

    def _gas(self, name: str, sender: bytes, to: bytes | None, data: bytes, timestamp: int | None) -> int:
        if to is None:
            return MOST_GAS_PER_TX // 2
        if self._replay:
            self._delivery.date_next(timestamp)
        with self.desk.read() as conn:
            read_to = cursor_of(conn)
        estimate = self.node.estimate(CallAt(sender, to, data), read_to)
        if isinstance(estimate, NodeRefusal):
            raise AdminRefused(name, refusal_of(estimate.data).text() if estimate.data else estimate.message)
        return min(estimate + estimate // 3, MOST_GAS_PER_TX)

    def _hashes(self, name: str) -> list[bytes]:
        with self.desk.read() as conn:
            return list(conn.execute(select(chain_tx.c.tx_hash).where(chain_tx.c.step == name)).scalars())

    def _freed(self, name: str) -> bool:
        # Looked at first without a lock: nearly every step that is asked for again stands.
        with self.desk.read() as conn:
            mine = (chain_tx.c.step == name) & (chain_tx.c.state == "reverted")
            if conn.execute(select(chain_tx.c.tx_hash).where(mine)).first() is None:
                return False
        with self.desk.write() as conn:
            return freed(conn, name)

    def _await_mined(self, name: str, call: Call, nonce: int) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            receipt = next((r for r in self.node.receipts(self._hashes(name)) if r is not None), None)
            if receipt is not None:
                if not receipt.succeeded:
                    asked = (self.outbound.sender(self._key), *call)
                    raise AdminRefused(name, why_reverted(self.node, name, asked, receipt))
                return
            self._submitter.step()
            time.sleep(_POLL_SECONDS)
        raise ChainUnavailable("eth_getTransactionReceipt", f"step {name} is not mined yet (nonce {nonce})")


class Admin:
    """Merchants, programmes, terms and limits of one alliance."""

    def __init__(self, steps: Steps, contracts: Contracts) -> None:
        self.steps, self.contracts = steps, contracts
        self._registry = load("AllianceRegistry")

    def admit_merchant(self, merchant: MerchantOnChain, timestamp: int | None = None) -> None:
        """The registry knows the merchant and its keys. Idempotency: by its GLN."""
        name = f"admit:{merchant.merchant}"
        keys = (merchant.admin, merchant.operations, merchant.settlement)
        self._do(name, timestamp, "admitMerchant", merchant.merchant, *keys)

    def suspend_merchant(self, merchant: int, since: int, timestamp: int | None = None) -> None:
        """Nothing that the merchant accepts from ``since`` (seconds) on is taken. Idempotency: by both."""
        self._do(f"suspend:{merchant}:{since}", timestamp, "suspendMerchant", merchant, since)

    def reinstate_merchant(self, merchant: int, since: int, timestamp: int | None = None) -> None:
        """The merchant's operations are taken again. Idempotency: by merchant and instant of the asking."""
        self._do(f"reinstate:{merchant}:{since}", timestamp, "reinstateMerchant", merchant)

    def create_programme(
        self, code: str, programme: ProgrammeOnChain, timestamp: int | None = None
    ) -> tuple[int, bytes]:
        """The programme exists with its first terms.

        Returns:
            its number and its token's address.

        Idempotency: by ``code``.
        """
        words = (programme.merchant, programme.name, programme.symbol)
        ends, first = list(programme.epoch_ends), programme.first_terms.as_tuple()
        self._do(f"programme:{code}", timestamp, "createProgramme", *words, ends, first)
        made = self.steps.told(f"programme:{code}", ProgrammeCreated)
        return made.programme, made.token

    def publish_terms(
        self,
        programme: int,
        version: int,
        terms: TermsOnChain,
        signature: bytes,
        timestamp: int | None = None,
    ) -> None:
        """The version is published; ``signature`` is the issuer's admin key's. Idempotency: by programme
        and version."""
        words = (programme, terms.as_tuple(), signature)
        self._do(f"terms:{programme}:{version}", timestamp, "publishTerms", *words)

    def append_epochs(
        self, programme: int, first: int, ends: tuple[int, ...], timestamp: int | None = None
    ) -> None:
        """The epochs ``first``, … end then. Idempotency: by programme and first epoch."""
        self._do(f"epochs:{programme}:{first}", timestamp, "appendEpochs", programme, list(ends))

    def close_period(self, period: int, timestamp: int | None = None) -> None:
        """The period is closed on chain. Idempotency: by period."""
        house, data = self.contracts.clearing_house, load("ClearingHouse").call_data("closePeriod", period)
        self.steps.perform(f"close:{period}", house, data, timestamp)

    def _do(self, name: str, timestamp: int | None, function: str, *arguments: object) -> None:
        data = self._registry.call_data(function, *arguments)
        self.steps.perform(name, self.contracts.registry, data, timestamp)
