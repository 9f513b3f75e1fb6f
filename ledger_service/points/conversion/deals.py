"""What a conversion comes to at an instant: by which terms, for how many points, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger_service.points.catalogue import Catalogue, Programme
from ledger_service.points.conversion.errors import ConversionNotOffered, ConversionRefused
from ledger_service.points.conversion.rules import agreement_in_force, points_received_floor
from ledger_service.points.errors import ProgrammeUnknown
from ledger_service.points.rules import Terms, epoch_of_issue, terms_in_force


@dataclass(frozen=True, slots=True)
class Wish:
    """Points of a programme that are to become points of another, both by their codes."""

    programme: str
    target: str
    points: int


@dataclass(frozen=True, slots=True)
class Deal:
    """What comes of points, in ``epoch`` of the target; ``number`` is 0 where the source has ended."""

    source: Programme
    target: Programme
    source_terms: Terms
    target_terms: Terms
    number: int
    spread_bps: int
    epoch: int

    def received(self, points: int) -> int:
        """What so many points come to."""
        values = (self.source_terms.point_value_micros, self.target_terms.point_value_micros)
        return points_received_floor(points, values[0], self.spread_bps, values[1])

    @property
    def expires_at(self) -> int:
        """The end of what is received, in seconds."""
        return self.target.epoch_ends[self.epoch - 1]


def two_of(catalogue: Catalogue, wish: Wish) -> tuple[Programme, Programme]:
    """The two programmes.

    Raises:
        ProgrammeUnknown, ConversionRefused: one is none, or both are one.
    """
    if wish.programme == wish.target:
        raise ConversionRefused("same-programme")
    found = [catalogue.by_code.get(code) for code in (wish.programme, wish.target)]
    for code, known in zip((wish.programme, wish.target), found, strict=True):
        if known is None:
            raise ProgrammeUnknown(code)
    source, target = found
    if source is None or target is None:
        raise ProgrammeUnknown(wish.target)
    return source, target


def agreed(source: Programme, target: Programme, at: int) -> Deal:
    """The deal that both issuers agreed on.

    Raises:
        ConversionNotOffered: no terms are in force, between the two or of one of them.
        ConversionRefused: the target's calendar has no epoch for it.
    """
    terms = agreement_in_force(source.conversions.get(target.programme_id, ()), at)
    given = source.terms_at(source.merchant_id, at)
    taken = target.terms_at(target.merchant_id, at)
    if terms is None or given is None or taken is None or not taken.issuance_cap:
        raise ConversionNotOffered(source.code, target.code)
    return Deal(source, target, given, taken, terms.number, terms.spread_bps, _epoch(target, taken, at))


def at_the_end(source: Programme, programmes: Sequence[Programme], at: int) -> Deal | None:
    """The deal by which the rest of an ended programme converts; None before the end, and while the target
    cannot issue."""
    end = source.end
    target = next((p for p in programmes if end is not None and p.programme_id == end.target_id), None)
    if end is None or target is None or at < end.ends_at:
        return None
    given, taken = terms_in_force(source.terms, end.ends_at - 1), terms_in_force(target.terms, at)
    if given is None or taken is None or not taken.issuance_cap:
        return None
    epoch = epoch_of_issue(target.epoch_ends, at, taken.validity_epochs)
    return None if epoch is None else Deal(source, target, given, taken, 0, end.spread_bps, epoch)


def _epoch(target: Programme, terms: Terms, at: int) -> int:
    epoch = epoch_of_issue(target.epoch_ends, at, terms.validity_epochs)
    if epoch is None:
        raise ConversionRefused("calendar")
    return epoch
