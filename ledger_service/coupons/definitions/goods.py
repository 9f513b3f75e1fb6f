"""What the goods of a basket are: brand, maker, and the lists that hold them, read with the basket's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger_service.coupons.definitions.models import coupon_goods_item, coupon_product
from ledger_service.db.workset import Draft, Load, Need, load_by

PRODUCT: Load = load_by(coupon_product, "merchant_id", "sku")
ITEM: Load = load_by(coupon_goods_item, "article")
_GTIN_DIGITS = 14


@dataclass(frozen=True, slots=True)
class Article:
    """An article as a till names it; either may be missing."""

    sku: str | None
    gtin: str | None

    @property
    def gtin14(self) -> str | None:
        """The GTIN with 14 digits, as lists keep it."""
        return None if self.gtin is None else self.gtin.zfill(_GTIN_DIGITS)


@dataclass(frozen=True, slots=True)
class GoodsFacts:
    """What is known of an article at a merchant's tills."""

    brand: str = ""
    manufacturer: str = ""
    lists: frozenset[int] = frozenset()


def needs(merchant_id: int, articles: Iterable[Article]) -> list[Need]:
    """The rows that ``facts`` looks at, each once."""
    found: dict[Need, None] = {}
    for article in articles:
        if article.sku is not None:
            found[PRODUCT.of(merchant_id, article.sku)] = None
            found[ITEM.of(article.sku)] = None
        if article.gtin14 is not None:
            found[ITEM.of(article.gtin14)] = None
    return list(found)


def facts(draft: Draft, merchant_id: int, article: Article, own_lists: frozenset[int]) -> GoodsFacts:
    """What is known of the article; the draft has what ``needs`` asked for.

    A list that names a merchant's own numbers counts at that merchant's tills alone (``own_lists``): the same
    number is another article elsewhere. GTINs count everywhere.
    """
    lists: set[int] = set()
    brand = manufacturer = ""
    if article.sku is not None:
        row = draft.get(coupon_product, (merchant_id, article.sku))
        if row is not None:
            brand, manufacturer = row["brand"], row["manufacturer"]
        named = {row["list_id"] for row in draft.find(ITEM, article.sku)}
        lists |= named & own_lists
    if article.gtin14 is not None:
        lists |= {row["list_id"] for row in draft.find(ITEM, article.gtin14)}
    return GoodsFacts(brand, manufacturer, frozenset(lists))
