"""What of a receipt counts for a definition: money that was kept, for its goods, at its tills, in time."""

from __future__ import annotations

from datetime import datetime

from ledger_service.checkout.couponing.choosing import article, goods_facts
from ledger_service.checkout.records import SaleRecord
from ledger_service.checkout.reversal_rules import returned_at
from ledger_service.coupons.deciding.matching import Matcher
from ledger_service.coupons.definitions import goods
from ledger_service.coupons.definitions.catalogue import CouponCatalogue, Definition
from ledger_service.coupons.terms.values import Reward, Terms
from ledger_service.coupons.terms.windows import outside
from ledger_service.db.workset import Draft, Need
from ledger_service.kernel.clock import micros_of

# Tills look for new definitions every second; before one knows of a definition its sales leave no mark.
SETTLED_MICROS = 5_000_000
# Sales have no channel of their own yet.
_CHANNEL = "store"


def needs(record: SaleRecord) -> list[Need]:
    """What ``kept_minor`` reads of the goods."""
    return goods.needs(record.merchant_id, (article(line) for line, _ in record.lines))


def terms_for(definition: Definition, record: SaleRecord) -> Terms | None:
    """The terms by which the receipt counts for the definition; None where it does not."""
    terms = in_force(definition, record.occurred_at)
    if terms is None or not terms.taken_by(record.merchant_id) or terms.currency != record.currency:
        return None
    scope = terms.scope
    here = not scope.stores or record.store_gln in scope.stores
    here = here and (not scope.channels or _CHANNEL in scope.channels)
    return terms if here and outside(terms.window, record.occurred_at) is None else None


def in_force(definition: Definition, at: datetime) -> Terms | None:
    """The terms of a reward that every till knows of at ``at``."""
    terms = definition.in_force(micros_of(at) - SETTLED_MICROS)
    return terms if terms is not None and isinstance(terms.benefit, Reward) else None


def kept_minor(draft: Draft, catalogue: CouponCatalogue, terms: Terms, record: SaleRecord) -> int:
    """What was paid in money for the goods that count, and not given back.

    Reads: ``needs``.
    """
    sold = record.sold_lines()
    state = record.returned
    back = returned_at(sold, state.pieces, points_first=state.points_first).cash
    facts = goods_facts(draft, record.merchant_id, [line for line, _ in record.lines], catalogue)
    of = Matcher(facts).of(terms).of
    return sum(sold[place].cash_minor - back[place] for place in of)
