"""Merchants: the operator admits, suspends and reinstates them, first or also on chain."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.hexadecimal import hex_text
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.ports import Governance
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Flag, Named, Record, Text
from ledger_service.chain.errors import AdminRefused, ChainUnavailable
from ledger_service.custody.errors import SignerUnavailable
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.kernel.ids import derive_id, id_text
from ledger_service.merchants import errors as refusals
from ledger_service.merchants import queries
from ledger_service.merchants.keyring import KeyRing
from ledger_service.merchants.requests import AdmitMerchant
from ledger_service.merchants.service import MerchantsService

_GROUP = "Merchants"
CHAIN_PROBLEMS = (ChainUnavailable, AdminRefused, SignerUnavailable)
_MERCHANT = Named(
    "Merchant", Record({"merchant": shapes.GLN, "name": Text(200), "status": Text()}, closed=False)
)
# A member names two of them when it lets one read what another one knows.
_READ = scopes("merchant:read", "store:write", "self:read")

ADMIT = Route(
    "POST", "/v1/merchants", "admit-merchant", scopes("merchant:write"), "Admit a merchant", group=_GROUP,
    body=Named("NewMerchant", Record({"merchant": shapes.GLN, "name": Text(200)})), write=True,
    problems=(*WRITE_PROBLEMS, refusals.MerchantKnown, *CHAIN_PROBLEMS),
    success=Success(201, "Admitted, on chain and here; its keys are in custody.", _MERCHANT),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/merchants", "list-merchants", _READ, "The merchants", group=_GROUP,
    query=PAGE_QUERY, success=Success(200, "A page, by GLN.", paged("merchants", _MERCHANT)),
)  # fmt: skip
SUSPEND = Route(
    "POST", "/v1/merchants/<gln>/suspension", "suspend-merchant", scopes("merchant:write"),
    "Suspend or reinstate a merchant", group=_GROUP, body=Record({"suspended": Flag()}), write=True,
    problems=(*WRITE_PROBLEMS, refusals.MerchantUnknown, *CHAIN_PROBLEMS),
    success=Success(200, "Done, on chain and here.", Record(closed=False)),
)  # fmt: skip
ROUTES = (ADMIT, LIST, SUSPEND)


@dataclass(frozen=True, slots=True)
class MerchantsDoor:
    """The endpoints of this module over the merchants room and the operator's acts on chain."""

    administration: Administration
    merchants: MerchantsService
    keyring: KeyRing
    governance: Governance
    cursors: Cursors

    def admit(self, call: Call) -> Reply:
        """The merchant is admitted: first on chain, then here."""
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        merchant_id = parse_gln(call.body.fields["merchant"], "merchant")
        name = call.body.fields["name"]
        keys = self.governance.admit_merchant(merchant_id)

        def act(conn: Connection) -> Json:
            self.merchants.admit(conn, AdmitMerchant(merchant_id, name, keys), call.at)
            found = queries.find_merchant(conn, merchant_id)
            if found is None:
                raise refusals.MerchantUnknown
            return _merchant(found)

        return self.administration.write(call, act)

    def list_all(self, call: Call) -> Reply:
        """The merchants; whoever settles with others must know what they are called."""

        page = self.cursors.page("merchants", call.query)

        def find(conn: Connection) -> Json:
            found = queries.merchants_after(conn, page.after_number, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda m: m.merchant_id)
            return {"merchants": [_merchant(m) for m in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def suspend(self, call: Call) -> Reply:
        """The merchant is suspended, first here, or reinstated, first on chain.

        So the service never accepts what the contract would refuse (D7).
        """
        replay = self.administration.replay(call)
        if replay is not None:
            return replay
        merchant_id = parse_gln(call.path["gln"], "gln")
        suspended = call.body.fields["suspended"]

        def act(conn: Connection) -> Json:
            self.merchants.set_suspended(conn, merchant_id, suspended)
            return {"merchant": gln_text(merchant_id), "suspended": suspended}

        self.administration.read(lambda conn: _must_know(conn, merchant_id))
        if suspended:
            self.administration.apply(act)
            self.keyring.refresh()
        name = id_text(derive_id("standing", call.caller.subject, call.key))
        self.governance.set_suspended(merchant_id, suspended, name)
        reply = self.administration.write(call, act, status=200)
        self.keyring.refresh()
        return reply


def served(door: MerchantsDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.admit, door.list_all, door.suspend)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _must_know(conn: Connection, merchant_id: int) -> Json:
    if queries.find_merchant(conn, merchant_id) is None:
        raise refusals.MerchantUnknown
    return {}


def _merchant(found: queries.MerchantView) -> Json:
    return {
        "merchant": gln_text(found.merchant_id),
        "name": found.name,
        "status": found.status,
        "keys": {
            "admin": hex_text(found.admin_key),
            "operations": hex_text(found.operations_key),
            "settlement": hex_text(found.settlement_key),
        },
    }
