"""Terms that an issuer and one acceptor have for themselves: the operator publishes them, both keys sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.merchants import CHAIN_PROBLEMS
from ledger_service.api.endpoints.programmes import ProgrammesDoor
from ledger_service.api.paging import PAGE_QUERY, paged
from ledger_service.api.ports import TermsOfPair
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Integer, Named, Record
from ledger_service.kernel.clock import format_instant, instant_of_seconds, parse_instant, seconds_floor
from ledger_service.kernel.errors import MalformedField
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants import queries as merchants
from ledger_service.merchants.errors import MerchantUnknown
from ledger_service.points import errors as refusals
from ledger_service.points.catalogue import Programme
from ledger_service.points.pairs.service import require_pairs
from ledger_service.points.programmes import NOTICE_SECONDS
from ledger_service.points.rules import Terms, terms_in_force

_GROUP = "Programmes"
_FEE = Integer(0, 10_000, "What the issuer keeps of the value, which the acceptor so bears itself")
PAIR_TERMS = Named(
    "PairTerms",
    Record(
        {"programme": shapes.PROGRAMME, "acceptor": shapes.GLN, "version": Integer(1),
         "effective_from": shapes.INSTANT, "ends": Flag("The general terms apply again from then on"),
         "point_value_micros": Integer(0), "fee_bps": Integer(0, 10_000)},
        closed=False,
    ),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/programmes/<code>/pair-terms", "list-pair-terms", scopes("programme:read"),
    "Terms for one acceptor each; a merchant sees those that it is a party to", group=_GROUP,
    query=PAGE_QUERY, problems=(refusals.ProgrammeUnknown,),
    success=Success(200, "A page, by version.", paged("pair_terms", PAIR_TERMS)),
)  # fmt: skip
PUBLISH = Route(
    "POST", "/v1/programmes/<code>/pair-terms", "publish-pair-terms", scopes("programme:write"),
    "Publish the next terms for one acceptor, or their end", group=_GROUP, write=True,
    body=Named("NewPairTerms", Record(
        {"acceptor": shapes.GLN, "effective_from": shapes.INSTANT},
        {"point_value_micros": Integer(1, 10**12, "The general value then, where absent"), "fee_bps": _FEE,
         "ends": Flag("Nothing but the general terms from then on")})),
    problems=(*WRITE_PROBLEMS, *CHAIN_PROBLEMS, refusals.ProgrammeUnknown, MerchantUnknown,
              refusals.RegistryTooOld, refusals.PairInvalid, refusals.NoticeTooShort,
              refusals.TermsOutOfOrder),
    success=Success(201, "They stand on chain; the list has them once the index does.", PAIR_TERMS),
)  # fmt: skip
ROUTES = (LIST, PUBLISH)


@dataclass(frozen=True, slots=True)
class PairTermsDoor:
    """The endpoints of this module, beside those of programmes."""

    programmes: ProgrammesDoor

    def list_all(self, call: Call) -> Reply:
        """The programme's terms for single acceptors, those of others left out."""
        known, cursors, own = self.programmes.known(call), self.programmes.cursors, call.caller.merchant_id
        page = cursors.page(f"pair-terms:{known.code}", call.query)
        after = page.after_number or 0
        found = sorted(
            ((t, acceptor) for acceptor, some in known.pairs.items() for t in some
             if t.version > after and (own in (None, acceptor, known.merchant_id))),
            key=lambda one: one[0].version,
        )  # fmt: skip
        rows, cursor = cursors.cut(page, found, lambda one: one[0].version)
        return Reply({"pair_terms": [_view(known, a, t) for t, a in rows], "next_cursor": cursor})

    def publish(self, call: Call) -> Reply:
        """The pair's next terms stand on chain; what the index tells of them is in force here."""
        administration = self.programmes.administration
        replay = administration.replay(call)
        if replay is not None:
            return replay
        known, acceptor = self.programmes.known(call), parse_gln(call.body.fields["acceptor"], "acceptor")
        wanted = _wanted(known, acceptor, call.body.fields)
        chain = known.pairs.get(acceptor, ())
        if chain and _figures(chain[-1]) == _figures(wanted):
            # Asked again after a lost answer: they stand.
            return administration.write(call, lambda conn: _view(known, acceptor, chain[-1]))
        administration.read(lambda conn: _check_offered(conn, acceptor))
        _check(known, acceptor, wanted, seconds_floor(call.at))
        previous = chain[-1].version if chain else 0
        version = self.programmes.governance.publish_pair_terms(
            TermsOfPair(known.merchant_id, known.programme_id, acceptor, previous, *_figures(wanted))
        )
        done = Terms(version, *_figures(wanted), 0, 0)
        return administration.write(call, lambda conn: _view(known, acceptor, done))


def served(door: PairTermsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    return [Served(LIST, door.list_all), Served(PUBLISH, door.publish)]


def _wanted(known: Programme, acceptor: int, given: dict[str, Any]) -> Terms:
    effective = seconds_floor(parse_instant(given["effective_from"], "effective_from"))
    if given.get("ends", False):
        for name in ("point_value_micros", "fee_bps"):
            if name in given:
                raise MalformedField(name, "has no meaning where the terms end")
        return Terms(0, effective, 0, 0, 0, 0)
    if "fee_bps" not in given:
        raise MalformedField("fee_bps", "is needed unless the terms end")
    general = terms_in_force(known.terms, effective) or known.terms[-1]
    value = given.get("point_value_micros", general.point_value_micros)
    return Terms(0, effective, value, given["fee_bps"], 0, 0)


def _figures(terms: Terms) -> tuple[int, int, int]:
    return terms.effective_from, terms.point_value_micros, terms.fee_bps


def _check_offered(conn: Connection, acceptor: int) -> dict[str, Any]:
    require_pairs(conn)
    if merchants.find_merchant(conn, acceptor) is None:
        raise MerchantUnknown
    return {}


def _check(known: Programme, acceptor: int, wanted: Terms, now: int) -> None:
    """What the registry would refuse is refused here, in plain words."""
    chain = known.pairs.get(acceptor, ())
    if acceptor == known.merchant_id:
        raise refusals.PairInvalid("same-merchant")
    if not wanted.point_value_micros and not (chain and chain[-1].point_value_micros):
        raise refusals.PairInvalid("nothing-to-end")
    if wanted.effective_from < now + NOTICE_SECONDS:
        raise refusals.NoticeTooShort(now + NOTICE_SECONDS)
    if chain and wanted.effective_from <= chain[-1].effective_from:
        raise refusals.TermsOutOfOrder(known.next_version, known.next_version)


def _view(known: Programme, acceptor: int, terms: Terms) -> dict[str, Any]:
    return {
        "programme": known.code,
        "acceptor": gln_text(acceptor),
        "version": terms.version,
        "effective_from": format_instant(instant_of_seconds(terms.effective_from)),
        "ends": not terms.point_value_micros,
        "point_value_micros": terms.point_value_micros,
        "fee_bps": terms.fee_bps,
    }
