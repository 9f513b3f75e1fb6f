"""What merchants and stores are called, so that nobody has to type a GLN."""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.web.screen import Visit

# Where a kind of field is listed: path, name of the list, of the id, of the name.
_LISTS = {
    "merchant": ("/v1/merchants", "merchants", "merchant"),
    "store": ("/v1/stores", "stores", "store"),
}


def names_of(visit: Visit) -> dict[str, str]:
    """What merchants are called by their GLN; empty where the caller may not list them."""
    return dict(choices_of(visit, "merchant") or {})


def choices_of(visit: Visit, kind: str) -> Mapping[str, str] | None:
    """Names by id of what a field of this kind chooses from; None for a kind that is typed.

    Of more than a page nobody can choose, so they are typed: then it is empty.
    """
    if kind not in _LISTS:
        return None
    path, listing, name = _LISTS[kind]
    told = visit.ask(path, limit="200").document
    whole = kind == "merchant" or not told.get("next_cursor")
    return {one[name]: one["name"] for one in told.get(listing, [])} if whole else {}


def programmes_of(visit: Visit) -> dict[str, str]:
    """Code and number of programmes by the number under which the chain knows them."""
    told = visit.ask("/v1/programmes", limit="200").document.get("programmes", [])
    return {str(one["programme_id"]): f"{one['programme']} ({one['programme_id']})" for one in told}
