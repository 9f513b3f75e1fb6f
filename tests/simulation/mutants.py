"""Guards of the product, broken one at a time: the runs must notice each, or they guard nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select

from ledger_service.chain.answers import Block
from ledger_service.chain.client import Node
from ledger_service.chain.desk import Desk
from ledger_service.chain.models import chain_batch
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.items.claim_command import TERMS, ClaimCommand, terms_of
from ledger_service.checkout.items.errors import ClaimNotOffered
from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.records import ReturnedRecord, record_of
from ledger_service.db.group import Waiting
from ledger_service.db.workset import Draft
from ledger_service.db.writer import Writer
from ledger_service.traceability.claiming.rules import Terms
from ledger_service.traceability.log import service
from ledger_service.traceability.log.models import log_tile
from tests.simulation.climate import Climate
from tests.simulation.founding import ROOM
from tests.simulation.network.clients import GETH

_commit, _further, _append = Writer._commit, service._further, service._append


@dataclass(frozen=True)
class Mutant:
    """What is broken, by which stand-in at which name, in which climate and about which seed it shows."""

    name: str
    target: str
    stand_in: Callable[..., Any]
    climate: Climate | None = None
    seed: int = 0


def forget_the_answer(self: KeyedCommand, draft: Any) -> Answer:
    status, content = self.decide(draft)
    return Answer(status, orjson.dumps(content))


def answer_before_the_commit(self: Writer, group: Sequence[Waiting]) -> list[Waiting]:
    again = _commit(self, group)
    for waiting in group:
        if waiting.answer is not None:
            waiting.error = None
    return again


def bury_whatever_is_late(conn: Connection, final_number: int) -> list[int]:
    signed = select(chain_batch.c.number).where(chain_batch.c.state == "signed")
    return list(conn.execute(signed).scalars())


def follow_numbers_alone(node: Node, after: Block | None, first: int, most: int) -> list[Block]:
    start = first if after is None else after.number + 1
    blocks = []
    for block in node.blocks(range(start, start + most)):
        if block is None:
            break
        blocks.append(block)
    return blocks


def refund_from_the_start(row: Any) -> Any:
    return replace(record_of(row), returned=ReturnedRecord())


@contextmanager
def write_unfenced(self: Desk) -> Iterator[Connection]:
    with self.database.begin() as conn:
        yield conn


def nobody_books(*_: Any) -> str:
    return ""


def take_nothing(*_: Any) -> bytes:
    return bytes(32)


def terms_as_ever(self: ClaimCommand, draft: Draft, item: Any) -> Terms:
    terms = terms_of(draft.find(TERMS, self.request.gtin))
    if terms is None:
        raise ClaimNotOffered
    return terms


def tell_nothing(conn: Connection, size: int, most: int) -> list[tuple[int, bytes]]:
    return [(number, b"{}") for number, _ in _further(conn, size, most)]


def begin_anew(conn: Connection, level: int, first: int, nodes: list[bytes]) -> list[bytes]:
    conn.execute(delete(log_tile))
    return _append(conn, level, 0, nodes)


def always(*_: Any) -> bool:
    return True


def issued_by_nobody(*_: Any) -> set[bytes]:
    return set()


def nothing(*_: Any, **__: Any) -> None:
    """The guard is gone."""


_LOG = "ledger_service.traceability.log.service."
_CLAIM = "ledger_service.checkout.items.claim_command.ClaimCommand"
_CONSUME = "ledger_service.coupons.wallet.moves.consume"
_ADOPT = "ledger_service.bootstrap.adopting._book"
_POINTS = "ledger_service.points."
_CHAIN, _TILL = "ledger_service.chain.", "ledger_service.checkout."
_SHAKY = Climate(GETH, replace(ROOM, confirmations=3), reorg_rate=150)
_PAIR = Climate(GETH, replace(ROOM, confirmations=3), hosts=2, pause_rate=200)
_RESTORED = Climate(GETH, replace(ROOM, confirmations=1), backup_at=4, accident_at=16)
_COUPONS_RESTORED = Climate(
    room=replace(ROOM, confirmations=1), coupons=True, backup_at=4, accident_at=18
)  # fmt: skip
_ITEMS_RESTORED = replace(_RESTORED, items=True)
# Rewards that the chain has issued, and of which the backup does not know.
_REWARDS_LOST = Climate(
    room=replace(ROOM, confirmations=1), sharing=True, backup_at=4, accident_at=18
)  # fmt: skip
_SHARING, _SHARE = Climate(sharing=True), "ledger_service.referrals."
_GOVERNED, _COUPONS = Climate(governed=True), Climate(coupons=True)
MUTANTS = (
    Mutant("answers are not kept", _TILL + "keyed.KeyedCommand.apply", forget_the_answer),
    Mutant("answers leave before the commit", "ledger_service.db.writer.Writer._commit",
           answer_before_the_commit, Climate(crash_rate=200)),
    Mutant("a permit pays twice", _TILL + "sale_command.use_permit", nothing, Climate(), 22),
    Mutant("refunds forget what came back", _TILL + "refund_command.record_of",
           refund_from_the_start, seed=6),
    Mutant("an issue is not sent", _POINTS + "issuance.enqueue", nothing),
    Mutant("batches are buried unproven (D8)", _CHAIN + "outcome._provably_dead", bury_whatever_is_late),
    Mutant("the cursor has no hash", _CHAIN + "indexer.next_blocks", follow_numbers_alone, _SHAKY),
    Mutant("a reorganisation takes nothing back", _CHAIN + "outcome.take_back", nothing, _SHAKY),
    Mutant("a woken bridge writes without its lease", _CHAIN + "desk.Desk.write", write_unfenced, _PAIR),
    Mutant("nobody books what the chain has", _ADOPT, nobody_books, _RESTORED),
    Mutant("adopted operations are not told", _POINTS + "adopted._refusal", nothing, _RESTORED, 15),
    Mutant("what the chain has with other points is sold again", _TILL + "keyed.refuse_otherwise", nothing,
           _COUPONS_RESTORED, 20),
    Mutant("a suspended merchant goes on", _TILL + "directory.Places.check", nothing, _GOVERNED),
    Mutant("points taken alone are not redeemed", _TILL + "offline.spending.redeem", take_nothing, Climate()),
    Mutant("a used coupon stays in the wallet", _CONSUME, nothing, _COUPONS),
    Mutant("a claim of an item is not written down", _CLAIM + "._write", nothing, Climate(items=True)),
    Mutant("an item may be claimed again", _CLAIM + "._terms", terms_as_ever, _ITEMS_RESTORED),
    Mutant("the log takes in what nobody told", _LOG + "_further", tell_nothing, Climate(events=True)),
    Mutant("the log is begun anew with each step", _LOG + "_append", begin_anew, Climate(events=True)),
    Mutant("rewards take nothing of the budget", _SHARE + "campaigns.service.Budgets.take", always, _SHARING),
    Mutant("a reward goes back and its points stay", _SHARE + "rewards.paying.ClawCommand._undo", nothing,
           _SHARING, 5),
    Mutant("rewards are issued that nobody promised", _SHARE + "rewards.paying.stand", nothing, _SHARING),
    Mutant("an adopted reward is asked for its promise", _CHAIN + "promises._issued", issued_by_nobody,
           _REWARDS_LOST, 106),
)  # fmt: skip
