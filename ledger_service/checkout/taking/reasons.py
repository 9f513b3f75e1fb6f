"""What a cashier may tell a customer of each bound, in three languages."""

from __future__ import annotations

from collections.abc import Mapping

from ledger_service.checkout.taking.rules import Bound

LANGUAGES = ("en", "zh-Hans", "zh-Hant")


def _three(en: str, hans: str, hant: str) -> Mapping[str, str]:
    return dict(zip(LANGUAGES, (en, hans, hant), strict=True))


SAID: Mapping[Bound, Mapping[str, str]] = {
    Bound.PROGRAMME: _three(
        "This shop does not take points of this programme.",
        "本店不接受此计划的积分。",
        "本店不接受此計畫的點數。",
    ),
    Bound.STORE: _three(
        "This branch does not take points.", "本分店不接受积分付款。", "本分店不接受點數付款。"
    ),
    Bound.DAY: _three("No points are taken today.", "今天不接受积分付款。", "今天不接受點數付款。"),
    Bound.HOUR: _three(
        "No points are taken at this hour.", "此时段不接受积分付款。", "此時段不接受點數付款。"
    ),
    Bound.CATEGORY: _three(
        "Some of these goods cannot be paid with points, or only in part.",
        "部分商品不能用积分付款，或只能付一部分。",
        "部分商品不能用點數付款，或只能付一部分。",
    ),
    Bound.TICKET: _three(
        "Points can pay only a part of the total.",
        "积分只能支付总额的一部分。",
        "點數只能支付總額的一部分。",
    ),
    Bound.MOST: _three(
        "Points can pay no more than this for one purchase.",
        "每笔交易可用积分已达上限。",
        "每筆交易可用點數已達上限。",
    ),
    Bound.LEAST: _three(
        "Points are taken only from a least amount on.",
        "积分付款须达到最低金额。",
        "點數付款須達到最低金額。",
    ),
    Bound.MEMBER_DAY: _three(
        "You have used as many points here today as are taken in a day.",
        "您今天在此可用的积分已达上限。",
        "您今天在此可用的點數已達上限。",
    ),
    Bound.STORE_DAY: _three(
        "This branch has taken as many points today as it takes in a day.",
        "本分店今天接受的积分已达上限。",
        "本分店今天接受的點數已達上限。",
    ),
    Bound.MERCHANT_DAY: _three(
        "This shop has taken as many points today as it takes in a day.",
        "本店今天接受的积分已达上限。",
        "本店今天接受的點數已達上限。",
    ),
}
