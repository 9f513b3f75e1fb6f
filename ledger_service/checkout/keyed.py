"""The frame of every write: the key is looked up first, the answer is stored with the effect (R1, D6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from ledger_service.checkout.answers import Answer, replay
from ledger_service.checkout.models import idempotency
from ledger_service.checkout.requests import Write
from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.kernel.ids import derive_id
from ledger_service.outbox.service import enqueued
from ledger_service.points.adopted import Standing, adopted_needs, refuse_adopted, refuse_otherwise

KEY: Load = load_by(idempotency, "subject", "key")


class KeyedCommand(BookCommand[Answer]):
    """A write that has its effect once per caller and key; subclasses decide, this class remembers.

    Idempotency: the same body again gets the stored bytes, also beside the first call in one group; another
    body is refused. A refusal stores nothing, so the same key may try again.
    """

    # Whether this database was once behind its chain: ids of this key may stand though its row does not.
    after_adoption: bool = False
    # Those of them that the chain has.
    standing: Mapping[bytes, Standing] = MappingProxyType({})

    def __init__(self, write: Write) -> None:
        """Take the frame of the request."""
        self.write = write

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The key's row and what the decision needs."""
        needs = [KEY.of(self.write.caller.subject, self.write.key), *self.reads(view)]
        return needs + adopted_needs(self.operations()) if self.after_adoption else needs

    def reads(self, view: Workset) -> Iterable[Need]:
        """What ``decide`` reads."""
        return ()

    def apply(self, draft: Draft) -> Answer:
        """The stored answer of the key, or the effect and its answer.

        Raises:
            IdempotencyKeyReused: the key has served another body.
            AnswerArchived: it had its effect, and the answer stands in an archive.
            OperationAdopted: it had its effect in a database that was lost, or has another one on the chain.
            DomainError: what the door found wrong with a fresh request.
        """
        known = stored_answer(draft.get(idempotency, (self.write.caller.subject, self.write.key)), self.write)
        if known is not None:
            return known
        if self.after_adoption:
            refuse_adopted(draft, self.operations())
        if self.write.refusal is not None:
            raise self.write.refusal
        status, content = self.decide(draft)
        if self.standing:
            refuse_otherwise(enqueued(draft), self.standing)
        body = orjson.dumps(content)
        draft.add(
            idempotency,
            {
                "subject": self.write.caller.subject,
                "key": self.write.key,
                "body_hash": self.write.body_hash,
                "status": status,
                "response": body,
                "created_at": self.write.at,
            },
        )
        return Answer(status, body)

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Write the effect into the draft and return the status and content of the answer."""
        raise NotImplementedError

    def operations(self) -> Sequence[bytes]:
        """The ids of the operations that this write may send to the chain, as far as its key tells them."""
        return ()

    def id_of(self, kind: str, number: int = 0) -> bytes:
        """The 16-byte id that this caller and key always give to the ``number``-th thing of a kind."""
        return derive_id(kind, self.write.caller.subject, self.write.key, number)


def stored_answer(row: Mapping[str, Any] | None, write: Write) -> Answer | None:
    """The answer that a row of ``idempotency`` holds for this write; None where there is no row.

    Raises:
        IdempotencyKeyReused, AnswerArchived: as ``replay``.
    """
    return None if row is None else replay(row, write.body_hash)
