"""What pages of the back offices read alike: pages of lists, names of merchants, cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger_service.web.drawing.bars import Bar
from ledger_service.web.office.blocks import Cell, Form, Sheet
from ledger_service.web.office.deeds import page_of
from ledger_service.web.screen import Page, Visit

ROWS = "25"
Json = dict[str, Any]


def shows(sheet: Callable[[Visit], Sheet]) -> Callable[[Visit], Page]:
    """The handler of a page that only shows."""

    def handle(visit: Visit) -> Page:
        return page_of(visit, sheet(visit))

    return handle


def listed(visit: Visit, path: str, name: str, here: str, **query: str) -> tuple[list[Json], str]:
    """The rows of one page of a list, and the address of the next page here, if there is one."""
    cursor = {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}
    told = visit.get(path, **{"limit": ROWS, **query, **cursor})
    more = told.get("next_cursor")
    join = "&" if "?" in here else "?"
    return told[name], f"{here}{join}cursor={more}" if more else ""


def nets_of(told: Json, names: Mapping[str, str]) -> list[Bar]:
    """The nets of a period, each under the merchant's name, as they are drawn."""
    return [Bar(called(names, one["merchant"]), int(one["net_micros"])) for one in told["nets"]]


def own_net_alone(visit: Visit, told: Json) -> bool:
    """Whether a merchant is told no net but its own: an open period's others are nobody's business."""
    own = visit.me.merchant
    return own is not None and told["state"] == "open" and all(one["merchant"] == own for one in told["nets"])


def entry_said(visit: Visit, entry: Json) -> str:
    """What happened in an entry of a member's book; a hold's end is told apart from that of points."""
    ran_out = entry["kind"] == "expire" and any(one["part"] == "held" for one in entry["postings"])
    key = f"kind.{'hold_expired' if ran_out else entry['kind']}"
    said = visit.say(key)
    return worded(visit, entry["kind"]) if said == key else said


def part_said(visit: Visit, part: str) -> str:
    """Which part of a member's points is meant; held at a till is not held for review."""
    return visit.say("kind.hold") if part == "held" else worded(visit, part)


def doer(visit: Visit, names: Mapping[str, str], by: str) -> Cell:
    """Who did something: its role in the visitor's words, and what it is called there."""
    role, parted, subject = by.partition(":")
    return Cell(f"{worded(visit, role)}: {called(names, subject)}" if parted else worded(visit, by))


def called(names: Mapping[str, str], gln: Any) -> str:
    """What a merchant is called, or its GLN where nobody says."""
    return names.get(str(gln), str(gln))


def programme(visit: Visit, code: str) -> Json | None:
    """The programme of this code, if there is one."""
    query: dict[str, str] = {"limit": "200"}
    while True:
        told = visit.get("/v1/programmes", **query)
        found = next((one for one in told["programmes"] if one["programme"] == code), None)
        if found is not None or not told["next_cursor"]:
            return found
        query["cursor"] = told["next_cursor"]


def link(text: str, href: str) -> Cell:
    """Where something leads, under a text."""
    return Cell(text, "text", href)


def code(text: str | None, href: str = "") -> Cell:
    """An id, where it leads."""
    return Cell(text or "–", "code", href)


def number(visit: Visit, value: int | None) -> Cell:
    """A whole number."""
    return Cell(visit.formats.number(value), "number")


def money(visit: Visit, minor: int | None) -> Cell:
    """An amount in minor units."""
    return Cell(visit.formats.money(minor), "number")


def micros(visit: Visit, value: int | str | None) -> Cell:
    """An amount in millionths, with every decimal that it has."""
    return Cell(visit.formats.exact(value), "number")


def instant(visit: Visit, text: str | None) -> Cell:
    """An instant."""
    return Cell(visit.formats.instant(text), "when")


def bps(value: int | None) -> str:
    """Ten thousandths as per cent, exactly."""
    if value is None:
        return "–"
    whole, rest = divmod(abs(value), 100)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest:02d} %" if rest else f"{sign}{whole} %"


def state(word: str) -> Cell:
    """A state by its word."""
    return Cell(word, "state")


def worded(visit: Visit, word: str) -> str:
    """A word of the API in the visitor's language, or as it is."""
    said = visit.say(f"word.{word}")
    return word if said == f"word.{word}" else said


def acts(*forms: Form) -> Cell:
    """What can be done with a row."""
    return Cell(kind="forms", forms=forms)


def words(texts: Sequence[str]) -> Cell:
    """Several short texts in one cell."""
    return Cell(", ".join(texts) or "–")
