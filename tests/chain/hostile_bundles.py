"""Ways to spoil an item's bundle, each with the code that must be told of it and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.chain.world import MERCHANTS

ALTERED, MISSING = 1, 3


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def spoil(document: dict[str, Any]) -> None:
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            document = document[step]
        document[last] = value(document[last]) if callable(value) else value

    return spoil


def forged(text: str, other: str) -> Callable[[str], str]:
    return lambda body: body.replace(text, other)


def no_events(document: dict[str, Any]) -> None:
    document["checkpoint"], document["events"] = None, []


def twice(document: dict[str, Any]) -> None:
    document["events"].append(document["events"][0])


def foreign(document: dict[str, Any]) -> None:
    """Only the events about the case, which nothing ties to the item."""
    document["events"] = [event for event in document["events"] if '"shipping"' in event["body"]]


HASH, PLACE = "0x" + "ab" * 32, "0x" + "cd" * 20
HOSTILE: list[tuple[str, Callable[[dict[str, Any]], None], int]] = [
    ("bundle-newer", change("version", 2), MISSING),
    ("bundle-unreadable", change("version", 0), ALTERED),
    ("bundle-unreadable", change("version", "2"), ALTERED),
    ("bundle-unreadable", change("version", True), ALTERED),
    ("bundle-unreadable", change("format", "alliance-other-proof"), ALTERED),
    ("other-item", change("item.serial", "0123456789AB"), ALTERED),
    ("other-chain", change("chain.chain_id", 1), ALTERED),
    ("contract-missing", change("chain.item_registry", PLACE), MISSING),
    ("batch-missing", change("batch.root", HASH), MISSING),
    ("batch-differs", change("batch.owner", MERCHANTS[1]), ALTERED),
    ("batch-differs", change("item.lot", "L9"), ALTERED),
    ("item-not-in-batch", change("batch.salt", HASH), ALTERED),
    ("item-not-in-batch", change("item.index", 2_100), ALTERED),
    ("item-not-in-batch", change("batch.proof", []), ALTERED),
    ("event-altered", change("events.2.body", forged('"shipping"', '"storing"')), ALTERED),
    ("event-altered", change("events.2.event_seq", 3), ALTERED),
    ("event-altered", change("events.0.proof", []), ALTERED),
    ("event-twice", twice, ALTERED),
    ("event-foreign", foreign, ALTERED),
    ("events-missing", no_events, MISSING),
    ("events-missing", change("waiting", 2), MISSING),
    ("checkpoint-missing", change("checkpoint.last.size", 14), MISSING),
    ("log-forked", change("checkpoint.last.root", HASH), ALTERED),
    ("log-inconsistent", change("checkpoint.last.consistency", []), ALTERED),
]  # fmt: skip
