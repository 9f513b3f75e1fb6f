"""What blocks say of conversions and of ends of programmes, as the rooms are told it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from sqlalchemy import Connection, select

from ledger_service.chain.conversion.facts import ConversionPublished, WindDownAnnounced
from ledger_service.chain.conversion.models import chain_conversion, chain_wind_down
from ledger_service.chain.decode import TermsPublished
from ledger_service.chain.mirror import BlockFacts
from ledger_service.kernel.events import ConversionAgreed, ConversionGone, EndAnnounced, EndGone


def told_by(blocks: Sequence[BlockFacts]) -> Iterator[ConversionAgreed | EndAnnounced]:
    """What these blocks say, as events; the last terms of a programme come in the block of its end."""
    for block in blocks:
        facts = [fact for _, fact in block.others]
        last = {f.programme: f for f in facts if isinstance(f, TermsPublished) and not f.issuance_cap}
        for fact in facts:
            if isinstance(fact, ConversionPublished):
                yield ConversionAgreed(*astuple(fact))
            elif isinstance(fact, WindDownAnnounced):
                terms = last[fact.programme_id]
                words = (terms.version, terms.point_value_micros, terms.fee_bps, terms.validity_epochs)
                yield EndAnnounced(*(*astuple(fact), *words, block.block.timestamp))


def gone_after(conn: Connection, to_number: int) -> list[ConversionGone | EndGone]:
    """What a rewind to ``to_number`` takes out."""
    c, w = chain_conversion.c, chain_wind_down.c
    terms = select(c.programme_id, c.target_id, c.number).where(c.block_number > to_number)
    ends = select(w.programme_id).where(w.block_number > to_number)
    gone: list[ConversionGone | EndGone] = [ConversionGone(*row) for row in conn.execute(terms)]
    return [*gone, *(EndGone(row[0]) for row in conn.execute(ends))]
