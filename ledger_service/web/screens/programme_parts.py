"""What the pages of a programme show alike, whoever looks: its terms, what is outstanding and until when."""

from __future__ import annotations

from ledger_service.web.drawing import Slice, ageing
from ledger_service.web.office.blocks import Block, Cell, Check, Facts, Picture, Rows
from ledger_service.web.office.reading import Json, bps, instant, listed, micros, number
from ledger_service.web.screen import Visit

_LATEST = 8


def terms_rows(visit: Visit, programme: Json) -> Rows:
    """Every version of the terms, the newest first."""
    rows = [
        [number(visit, one["version"]), instant(visit, one["effective_from"]),
         micros(visit, one["point_value_micros"]), Cell(bps(one["fee_bps"]), "number"),
         number(visit, one["issuance_cap"]), number(visit, one["validity_epochs"])]
        for one in reversed(programme["terms"][-_LATEST:])
    ]  # fmt: skip
    headings = ("col.version", "col.from", "col.point_value", "col.fee", "col.cap", "col.validity")
    return Rows("programme.terms", headings, rows)


def liability(visit: Visit, programme: Json, here: str) -> list[Block]:
    """What members have of the programme as the chain counted it, by its end, in points and money (INV-4)."""
    code = programme["programme"]
    rows, more = listed(visit, f"/v1/programmes/{code}/outstanding", "epochs", here, limit="60")
    worth = _worth(programme, visit)
    total = sum(one["outstanding"] for one in rows)
    slices = [Slice(_end(visit, one), one["outstanding"]) for one in rows if one["outstanding"]]
    command = f"alliance liability --programme {code} --as-of {visit.at.date().isoformat()}"
    title = visit.say("programme.ageing", programme=code)
    return [
        Facts([("programme.outstanding", visit.formats.number(total)),
               ("programme.worth", visit.formats.micros(total * worth)),
               ("programme.point_value", visit.formats.exact(worth))]),
        Picture("programme.ageing_about", ageing(slices[:_LATEST * 2], title, visit.formats.number)),
        Rows("programme.epochs", ("col.ends", "col.issued", "col.redeemed", "col.expired", "col.outstanding"),
             [_epoch(visit, one) for one in rows], more, "programme.nothing_issued"),
        Check(command),
    ]  # fmt: skip


def ending(visit: Visit, programme: Json) -> list[Block]:
    """How far the programme's announced end has come; nothing where it goes on."""
    if programme["end"] is None:
        return []
    told, count = visit.get(f"/v1/programmes/{programme['programme']}/end"), visit.formats.number
    end, rest, done = told["end"], told["rest"], told["converted"]
    still = count(rest["available"] + rest["held"] + rest["pending"])
    gone = {"points": count(done["points"]), "received": count(done["received"])}
    return [
        Facts([("end.stage", visit.say(f"end.{told['stage']}")), ("end.target", end["target"]),
               ("end.issues_until", visit.formats.instant(end["issues_until"])),
               ("end.ends_at", visit.formats.instant(end["ends_at"])),
               ("end.rest", visit.say("end.rest_value", points=still, members=count(rest["members"]))),
               ("end.converted",
                visit.say("end.converted_value", members=count(done["members"]), **gone)),
               ("end.on_the_way", f"{count(done['under_way'])} / {count(done['refused'])}")]),
        Check(f"alliance leaving --merchant {programme['merchant']}"),
    ]  # fmt: skip


def _epoch(visit: Visit, one: Json) -> list[Cell]:
    figures = (
        one["issued"] - one["clawed_back"],
        one["redeemed"] - one["restored"],
        one["expired"],
        one["outstanding"],
    )
    return [Cell(_end(visit, one)), *(number(visit, figure) for figure in figures)]


def _end(visit: Visit, one: Json) -> str:
    return visit.formats.day(one["ends_at"]) if one["ends_at"] else visit.say("programme.never")


def _worth(programme: Json, visit: Visit) -> int:
    at = visit.at.isoformat()
    past = [one for one in programme["terms"] if one["effective_from"][:19] <= at[:19]] or programme["terms"][
        :1
    ]
    return int(past[-1]["point_value_micros"]) if past else 0
