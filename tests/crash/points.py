"""Named lines at which a process of the product kills itself, for tests alone: the product knows nothing of
them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Die = Callable[[], None]
When = Callable[..., bool]


def killer(mark: Path, passes: int) -> Die:
    """What ends the process and all its children as ``kill -9`` does, after so many passes of the line.

    The mark is made at the death: it says that the line was reached, and a process that is started in its
    place, as the HTTP server does with a worker, lives.
    """
    left = [passes]

    def die() -> None:
        if mark.exists():
            return
        left[0] -= 1
        if left[0] < 0:
            mark.touch()
            os.killpg(os.getpgrp(), signal.SIGKILL)

    return die


def _always(*_: Any) -> bool:
    return True


def _before(owner: Any, name: str, die: Die, when: When = _always) -> None:
    real = getattr(owner, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        if when(*arguments):
            die()
        return real(*arguments, **named)

    setattr(owner, name, dying)


def _after(owner: Any, name: str, die: Die, when: When = _always) -> None:
    real = getattr(owner, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        try:
            return real(*arguments, **named)
        finally:
            if when(*arguments):
                die()

    setattr(owner, name, dying)


def _service_mid_flush(die: Die) -> None:
    from ledger_service.db import flush

    def postings(_: Any, statements: Sequence[Any]) -> bool:
        return any(statement.sql.startswith("INSERT INTO posting") for statement in statements)

    _before(flush, "send", die, postings)


def _service_before_commit(die: Die) -> None:
    from ledger_service.db import writer
    from ledger_service.db.commands import BookCommand

    _after(writer, "run_group", die, lambda _, group, *__: isinstance(group[0].command, BookCommand))


def _service_before_answer(die: Die) -> None:
    from ledger_service.db.commands import BookCommand
    from ledger_service.db.writer import Writer

    real = Writer._answer

    def dying(group: Sequence[Any]) -> None:
        if any(isinstance(waiting.command, BookCommand) for waiting in group):
            die()
        real(group)

    Writer._answer = staticmethod(dying)  # type: ignore[method-assign]  # the line to die at


def _bridge_before_stored(die: Die) -> None:
    from ledger_service.chain.outbound import Outbound

    _before(Outbound, "store_next", die)


def _bridge_before_sent(die: Die) -> None:
    from ledger_service.chain.packer import Packer

    _after(Packer, "_store", die)


def _bridge_before_noted(die: Die) -> None:
    from ledger_service.chain.client import Node

    _after(Node, "send", die)


def _bridge_before_indexed(die: Die) -> None:
    from ledger_service.chain.indexer import Indexer

    _before(Indexer, "_take_over", die, _carries_batches)


def _bridge_mid_index(die: Die) -> None:
    from ledger_service.chain import mirror

    _after(mirror, "apply", die, lambda _, read: any(facts.batches for facts in read))


def _bridge_before_final(die: Die) -> None:
    from ledger_service.chain.indexer import Indexer

    _after(Indexer, "_take_over", die, _carries_batches)


def _carries_batches(_: Any, __: Any, read: Sequence[Any], *___: Any) -> bool:
    return any(facts.batches for facts in read)


def _chain_before_commit(die: Die) -> None:
    from ledger_service.chain.node import chain

    _after(chain, "write_block", die, lambda _, block, *__: block.transaction is not None)


def _chain_before_answer(die: Die) -> None:
    from ledger_service.chain.node.chain import Chain

    _before(Chain, "_settle", die, lambda _, block: block.transaction is not None)


def _signer_before_answer(die: Die) -> None:
    from ledger_service.custody.requests import SignSlice
    from ledger_service.custody.vault import Vault

    _after(Vault, "answer", die, lambda _, asked: any(isinstance(one, SignSlice) for one in asked))


def _settle_before_named(die: Die) -> None:
    from ledger_service.settlement import whole_files

    _before(whole_files.os, "link", die)


def _settle_before_sent(die: Die) -> None:
    from ledger_service.chain.outbound import Outbound

    _after(Outbound, "store_next", die)


def _settle_before_noted(die: Die) -> None:
    from ledger_service.chain.client import Node

    _after(Node, "send", die)


# Of commands that settle: the file is written and has no name yet; the mark is stored and not sent; it is
# sent and nothing else is known of it.
OF_COMMANDS: dict[str, Callable[[Die], None]] = {
    "settle:before-named": _settle_before_named,
    "settle:before-sent": _settle_before_sent,
    "settle:before-noted": _settle_before_noted,
}
# A point is named after its process and what has not happened yet.
POINTS: dict[str, Callable[[Die], None]] = {
    "serve:mid-flush": _service_mid_flush,
    "serve:before-commit": _service_before_commit,
    "serve:before-answer": _service_before_answer,
    "bridge:before-stored": _bridge_before_stored,
    "bridge:before-sent": _bridge_before_sent,
    "bridge:before-noted": _bridge_before_noted,
    "bridge:before-indexed": _bridge_before_indexed,
    "bridge:mid-index": _bridge_mid_index,
    "bridge:before-final": _bridge_before_final,
    "chain:before-commit": _chain_before_commit,
    "chain:before-answer": _chain_before_answer,
    "signer:before-answer": _signer_before_answer,
}
