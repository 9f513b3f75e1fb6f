"""Everything that is held of a member, for the member itself."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger_service.api.administration import Administration, Json
from ledger_service.api.endpoints.devices import member_of_call
from ledger_service.api.errors import CursorRefused, NotYours
from ledger_service.api.paging import PAGE_QUERY, Cursors, paged
from ledger_service.api.routes import Call, Reply, Route, Served, Success, scopes
from ledger_service.api.schema import Free, Named, Record, Text
from ledger_service.insight.exporting import export
from ledger_service.members.errors import MemberUnknown
from ledger_service.members.identities import IdentityVault

_ROW = Named("HeldRow", Record(
    {"table": Text(64), "row": Free("The columns of the table that are the member's own")}, closed=False
))  # fmt: skip
EXPORT = Route(
    "GET", "/v1/members/<number>/export", "export-member", scopes("self:read", "member:read"),
    "Everything that is held of a member, table by table", group="Consents", query=PAGE_QUERY,
    problems=(CursorRefused, NotYours, MemberUnknown),
    success=Success(200, "A page of rows; docs/consent.md tells what each table is.", paged("rows", _ROW)),
)  # fmt: skip
ROUTES = (EXPORT,)


@dataclass(frozen=True, slots=True)
class ExportsDoor:
    """The endpoint of this module over every room's tables."""

    administration: Administration
    cursors: Cursors
    vault: IdentityVault

    def export(self, call: Call) -> Reply:
        """A page of rows."""
        page = self.cursors.page(f"export:{call.path['number']}", call.query)

        def find(conn: Connection) -> Json:
            member_id = member_of_call(conn, call).member_id
            found = export(conn, member_id, self.vault.open, page.after, page.limit + 1)
            rows, cursor = self.cursors.cut(page, found, lambda shown: shown.position)
            return {"rows": [{"table": s.table, "row": s.row} for s in rows], "next_cursor": cursor}

        return self.administration.read(find)


def served(door: ExportsDoor) -> list[Served]:
    """The route of this module bound to its endpoint."""
    return [Served(EXPORT, door.export)]
