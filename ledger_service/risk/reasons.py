"""What member and cashier are told of a rule that hit, in three languages; never a suspicion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.risk.rules import Hit, Outcome, Signal

LANGUAGES = ("en", "zh-Hans", "zh-Hant")


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with its words for the member and for the cashier, by language."""

    code: str
    member: Mapping[str, str]
    cashier: Mapping[str, str]


def _three(en: str, hans: str, hant: str) -> dict[str, str]:
    return dict(zip(LANGUAGES, (en, hans, hant), strict=True))


REASONS: tuple[Reason, ...] = (
    Reason(
        "confirm-payment",
        _three(
            "Please confirm this payment on your phone.",
            "请在手机上确认这笔付款。",
            "請在手機上確認這筆付款。",
        ),
        _three(
            "Ask the member to confirm on the phone, then scan again.",
            "请会员在手机上确认，然后重新扫码。",
            "請會員在手機上確認，然後重新掃碼。",
        ),
    ),
    Reason(
        "points-later",
        _three(
            "Your points are noted and will follow after a short check.",
            "您的积分已记录，稍作核对后到账。",
            "您的點數已記錄，稍作核對後入帳。",
        ),
        _three(
            "The sale is complete; the points follow later.",
            "交易已完成，积分稍后到账。",
            "交易已完成，點數稍後入帳。",
        ),
    ),
    Reason(
        "points-not-now",
        _three(
            "Your points cannot be used right now. They are safe; the care desk can help.",
            "您的积分暂时无法使用。积分安全，客服可为您处理。",
            "您的點數暫時無法使用。點數安全，客服可為您處理。",
        ),
        _three(
            "Points cannot be used now; sell without points.",
            "目前无法使用积分，请不使用积分完成交易。",
            "目前無法使用點數，請不使用點數完成交易。",
        ),
    ),
    Reason(
        "limit-reached",
        _three(
            "The limit for now is reached. Please try again later.",
            "已达到目前的上限，请稍后再试。",
            "已達到目前的上限，請稍後再試。",
        ),
        _three(
            "A limit is reached; please try again later or call the service desk.",
            "已达到上限，请稍后再试或联系服务台。",
            "已達到上限，請稍後再試或聯絡服務台。",
        ),
    ),
    Reason(
        "served-by-colleague",
        _three(
            "For your own purchases please go to another till.",
            "您自己的购物请由其他收银台办理。",
            "您自己的購物請由其他收銀台辦理。",
        ),
        _three(
            "Own purchases are served by a colleague.",
            "本人的购物由同事办理。",
            "本人的購物由同事辦理。",
        ),
    ),
    Reason(
        "ask-service-desk",
        _three(
            "Please ask the service desk about this.",
            "请向服务台咨询。",
            "請向服務台洽詢。",
        ),
        _three(
            "Please send the customer to the service desk.",
            "请引导顾客到服务台。",
            "請引導顧客到服務台。",
        ),
    ),
)


def reason_of_stored(hits: Sequence[Mapping[str, Any]], *, spends: bool) -> str:
    """The same of hits as a decision keeps them."""
    told = [Hit(one["rule"], Signal(one["signal"]), Outcome[one["outcome"].upper()], 0, 0) for one in hits]
    return reason_of(told, spends=spends)


def reason_of(hits: Sequence[Hit], *, spends: bool) -> str:
    """The code of what is said about these hits: that of the strictest, the first of its kind.

    Args:
        hits: at least one.
        spends: whether points were to be paid.
    """
    hit = max(hits, key=lambda one: one.outcome)
    if hit.outcome is Outcome.STEP_UP:
        return "confirm-payment"
    if hit.signal is Signal.OWN_CARD:
        return "served-by-colleague"
    if hit.outcome is Outcome.HOLD:
        return "points-not-now" if spends else "points-later"
    return "limit-reached" if hit.signal in (Signal.VELOCITY, Signal.AMOUNT) else "ask-service-desk"
