"""Signing and storing chain transactions: nonce, raw bytes and hash in one db transaction under a row lock
(R3)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.errors import SendingKeyGone
from ledger_service.chain.models import chain_journal, chain_signer, chain_tx
from ledger_service.chain.ports import SENDING_KEYS, Keys
from ledger_service.chain.settings import ChainSettings
from ledger_service.db.bulk import sql_of
from ledger_service.kernel.chain_tx import Fee, Unsigned, hash_of


class NonceMoved(Exception):
    """Between signing and storing somebody took the nonce; nothing was written."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a transaction shall do: calldata to a contract (None creates one), for a batch or an admin step.

    ``timestamp`` dates its block in replay mode, seconds.
    """

    to: bytes | None
    data: bytes
    gas: int
    batch_number: int | None = None
    step: str | None = None
    timestamp: int | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction that is not stored yet."""

    signer: bytes
    nonce: int
    fee: Fee
    raw: bytes
    tx_hash: bytes
    draft: Draft
    attempt: int = 0


class Outbound:
    """Signs and stores; sending is the submitter's."""

    def __init__(self, desk: Desk, node: Node, keys: Keys, settings: ChainSettings) -> None:
        self._desk, self._node, self._keys, self._settings = desk, node, keys, settings
        self._addresses: dict[str, bytes] = {}

    def sender(self, key: str) -> bytes:
        """The address of a sending key."""
        known = self._addresses.get(key)
        if known is None:
            known = self._addresses[key] = self._keys.address_of(key)
        return known

    def senders(self) -> list[bytes]:
        """The addresses of all sending keys."""
        return [self.sender(key) for key in SENDING_KEYS]

    def key_of(self, signer: bytes) -> str:
        """The sending key whose address this is.

        Raises:
            SendingKeyGone: custody holds another key under any of the names.
        """
        for key in SENDING_KEYS:
            if self.sender(key) == signer:
                return key
        raise SendingKeyGone("0x" + signer.hex())

    def next_nonce(self, key: str) -> int:
        """The nonce that the next transaction of this key gets; the node's count where we never sent one."""
        with self._desk.read() as conn:
            query = select(chain_signer.c.next_nonce).where(chain_signer.c.address == self.sender(key))
            stored = conn.execute(query).scalar_one_or_none()
        if stored is not None:
            return int(stored)
        first = self._node.nonce(self.sender(key))
        with self._desk.write() as conn:
            row = {"address": self.sender(key), "next_nonce": first, "founding": None}
            sql_of(chain_signer, conn).insert(conn, [row], or_ignore=True)
        return first

    def note_founders(self) -> None:
        """The sending keys of now are those that the alliance is founded with."""
        for key in SENDING_KEYS:
            self.next_nonce(key)
        mine = chain_signer.c.address.in_(self.senders())
        with self._desk.write() as conn:
            conn.execute(update(chain_signer).where(mine).values(founding=1))

    def sign(self, key: str, nonce: int, draft: Draft, fee: Fee | None = None, attempt: int = 0) -> Signed:
        """The signed bytes; nothing is stored and nothing is sent."""
        bid = fee or self._node.suggested_fee(self._settings.priority_fee_wei, self._settings.fee_floor_wei)
        unsigned = Unsigned(self._node.chain_id, nonce, bid, draft.gas, draft.to, draft.data)
        raw = unsigned.signed(self._keys.sign_transaction(key, unsigned.encoded()))
        return Signed(self.sender(key), nonce, bid, raw, hash_of(raw), draft, attempt)

    def store_next(self, conn: Connection, signed: Signed) -> None:
        """The transaction is journaled and takes its signer's next nonce (R3, R13).

        Raises:
            NonceMoved: the nonce is no longer the next one.

        Locks: the signer's row.
        """
        mine = (chain_signer.c.address == signed.signer) & (chain_signer.c.next_nonce == signed.nonce)
        if conn.execute(update(chain_signer).where(mine).values(next_nonce=signed.nonce + 1)).rowcount != 1:
            raise NonceMoved
        self.store(conn, signed)

    def _slot(self, conn: Connection, signed: Signed) -> int | None:
        """Its place in the order of sending: its nonce's, or that of what waits for it; None: the last.

        What fills a gap would otherwise stand behind another key's transaction that stands behind those which
        cannot be mined before the gap is filled.
        """
        of_signer = chain_tx.c.signer == signed.signer
        same = of_signer & (chain_tx.c.nonce == signed.nonce)
        waits = of_signer & (chain_tx.c.nonce > signed.nonce) & chain_tx.c.state.in_(("signed", "broadcast"))
        for those in (same, waits):
            slot: int | None = conn.execute(select(func.min(chain_tx.c.slot)).where(those)).scalar()
            if slot is not None:
                return slot
        return None

    def store(self, conn: Connection, signed: Signed) -> None:
        """The transaction is journaled, ready to be sent; committed before anything is sent (R13)."""
        draft = signed.draft
        entry = {"tx_hash": signed.tx_hash, "raw_tx": signed.raw, "block_timestamp": draft.timestamp}
        position = conn.execute(
            chain_journal.insert().values(**entry).returning(chain_journal.c.position)
        ).scalar_one()
        slot = self._slot(conn, signed)
        row = {
            "tx_hash": signed.tx_hash,
            "signer": signed.signer,
            "nonce": signed.nonce,
            "attempt": signed.attempt,
            "slot": position if slot is None else slot,
            "state": "signed",
            "batch_number": draft.batch_number,
            "step": draft.step,
            "gas": draft.gas,
            "max_fee": signed.fee.max_fee,
            "priority_fee": signed.fee.priority_fee,
            "timestamp": draft.timestamp,
            "block_number": None,
            "gas_used": None,
            "failure": None,
            "signed_at": self._desk.wall(),
            "sent_at": None,
        }
        sql_of(chain_tx, conn).insert(conn, [row])
