"""Owners of stores and concession counters: for the operator, and each merchant for itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api import shapes
from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import WRITE_PROBLEMS
from ledger_service.api.endpoints.places import own_store, require_merchant
from ledger_service.api.errors import NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Integer, Listing, Named, Nullable, Record, Text
from ledger_service.chain.status import last_close
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.gs1 import gln_text, parse_gln
from ledger_service.merchants.errors import MerchantUnknown, StoreUnknown
from ledger_service.merchants.owners import errors as refusals
from ledger_service.merchants.owners import queries
from ledger_service.merchants.owners.rules import WHOLE_BPS, Share, bank_account
from ledger_service.merchants.owners.service import OwnersService, RegisterOwner, SetOwners

_GROUP = "Owners of stores"
_READ = scopes("merchant:read", "store:write")
_MOST_OWNERS = 20
_OWNER_ID = Text(pattern="[0-9a-f]{16}", about="Id of an owner")
_SHARE = Record({"owner": _OWNER_ID, "share_bps": Integer(1, WHOLE_BPS, "Basis points")})
_OWNER = Named(
    "Owner",
    Record(
        {"owner": _OWNER_ID, "merchant": shapes.GLN, "name": Text(200), "tax_number": Text(32),
         "account": Text(about="Its last four characters")},
        closed=False,
    ),
)  # fmt: skip
_ROW = Named(
    "StoreOwner",
    Record(
        {"store": shapes.GLN, "effective_from": shapes.INSTANT, "owner": _OWNER_ID,
         "share_bps": Integer(1, WHOLE_BPS), "set_by": Text(), "set_at": shapes.INSTANT},
        closed=False,
    ),
)  # fmt: skip
REGISTER = Route(
    "POST", "/v1/owners", "register-owner", scopes("store:write"), "Register a legal person that owns stores",
    group=_GROUP, write=True,
    body=Named("NewOwner", Record(
        {"merchant": shapes.GLN, "name": Text(200), "tax_number": Text(32)},
        {"iban": Nullable(Text(42)), "bank_code": Nullable(Text(16)), "account_number": Nullable(Text(34))})),
    problems=(*WRITE_PROBLEMS, NotYours, MerchantUnknown),
    success=Success(201, "Registered.", _OWNER),
)  # fmt: skip
LIST = Route(
    "GET", "/v1/owners", "list-owners", _READ, "The owners, a merchant's own only", group=_GROUP,
    query=PAGE_QUERY, success=Success(200, "A page, by id.", paged("owners", _OWNER)),
)  # fmt: skip
SET = Route(
    "POST", "/v1/stores/<gln>/owners", "set-store-owners", scopes("store:write"),
    "Whose a store is from an instant on", group=_GROUP, write=True,
    body=Named("StoreOwners", Record(
        {"effective_from": shapes.INSTANT, "owners": Listing(_SHARE, _MOST_OWNERS, 1)})),
    problems=(
        *WRITE_PROBLEMS, NotYours, StoreUnknown, refusals.OwnerUnknown, refusals.SharesNotWhole,
        refusals.OwnersBackdated, refusals.OwnersKnown,
    ),
    success=Success(201, "Set.", Record(closed=False)),
)  # fmt: skip
SHOW = Route(
    "GET", "/v1/stores/<gln>/owners", "list-store-owners", _READ, "Who owned a store from when on",
    group=_GROUP, query=PAGE_QUERY, problems=(NotYours, StoreUnknown),
    success=Success(200, "A page, oldest first.", paged("owners", _ROW)),
)  # fmt: skip
ROUTES = (REGISTER, LIST, SET, SHOW)


@dataclass(frozen=True, slots=True)
class OwnersDoor:
    """The endpoints of this module over the owners of the merchants room."""

    administration: Administration
    owners: OwnersService
    cursors: Cursors

    def register(self, call: Call) -> Reply:
        """The legal person stands; its bank account is told to nobody again but by its end."""
        given = call.body.fields
        merchant_id = parse_gln(given["merchant"], "merchant")
        require_merchant(call, merchant_id, "merchant")
        account = bank_account(given.get("iban"), given.get("bank_code"), given.get("account_number"))
        request = RegisterOwner(merchant_id, given["name"], given["tax_number"], account)

        def act(conn: Connection) -> Json:
            owner_id = self.owners.register(conn, request, call.caller.subject, call.at)
            return _owner(queries.OwnerView(
                owner_id, merchant_id, request.name, request.tax_number, account
            ))  # fmt: skip

        return self.administration.write(call, act)

    def list_owners(self, call: Call) -> Reply:
        """The owners that the caller may see."""
        own = call.caller.merchant_id
        page = self.cursors.page(f"owners:{own}", call.query)

        def find(conn: Connection) -> Json:
            found = queries.owners_after(conn, own, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.owner_id)
            return {"owners": [_owner(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)

    def set_owners(self, call: Call) -> Reply:
        """The store is theirs from the instant on."""
        given, gln = call.body.fields, parse_gln(call.path["gln"], "gln")
        since = parse_instant(given["effective_from"], "effective_from")
        shares = [Share(one["owner"], one["share_bps"]) for one in given["owners"]]

        def act(conn: Connection) -> Json:
            own_store(conn, call, gln)
            request = SetOwners(gln, since, shares, last_close(conn))
            self.owners.set_owners(conn, request, call.caller.subject, call.at)
            told = [{"owner": share.owner_id, "share_bps": share.share_bps} for share in shares]
            return {"store": gln_text(gln), "effective_from": format_instant(since), "owners": told}

        return self.administration.write(call, act)

    def show(self, call: Call) -> Reply:
        """Who owned the store from when on, and who said so."""
        gln = parse_gln(call.path["gln"], "gln")
        page = self.cursors.page(f"store-owners:{gln}", call.query)

        def find(conn: Connection) -> Json:
            own_store(conn, call, gln)
            found = queries.store_owners_after(conn, gln, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda one: one.position)
            return {"owners": [_row(one) for one in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: OwnersDoor) -> list[Served]:
    """The routes of this module bound to their endpoints."""
    endpoints = (door.register, door.list_owners, door.set_owners, door.show)
    return [Served(route, endpoint) for route, endpoint in zip(ROUTES, endpoints, strict=True)]


def _owner(found: queries.OwnerView) -> Json:
    return {
        "owner": found.owner_id, "merchant": gln_text(found.merchant_id), "name": found.name,
        "tax_number": found.tax_number, "account": found.account.masked,
    }  # fmt: skip


def _row(found: queries.StoreOwnerView) -> Json:
    return {
        "store": gln_text(found.store_gln), "effective_from": format_instant(found.effective_from),
        "owner": found.share.owner_id, "share_bps": found.share.share_bps, "set_by": found.set_by,
        "set_at": format_instant(found.set_at),
    }  # fmt: skip
