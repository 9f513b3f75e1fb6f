"""What a notice of a case says to its member, in the languages that members are written to."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger_service.members.cards.wording import closest

_MOVE = {
    "en": "{alliance}: somebody asked us to move your points account to another phone or key ({kind})."
    " If it was not you, object before {ends}, on your page of the alliance or at any service desk.",
    "zh-Hans": "{alliance}：有人申请将您的积分账户转移到另一部手机或密钥（{kind}）。"
    "若非本人申请，请在 {ends} 之前通过联盟页面或任一服务台提出异议。",
    "zh-Hant": "{alliance}：有人申請將您的點數帳戶轉移到另一支手機或金鑰（{kind}）。"
    "若非本人申請，請在 {ends} 之前透過聯盟頁面或任一服務台提出異議。",
}
_MERGE = {
    "en": "{alliance}: somebody asked us to join your points account with another account of yours."
    " If it was not you, object before {ends}, on your page of the alliance or at any service desk.",
    "zh-Hans": "{alliance}：有人申请将您的积分账户与您的另一个账户合并。"
    "若非本人申请，请在 {ends} 之前通过联盟页面或任一服务台提出异议。",
    "zh-Hant": "{alliance}：有人申請將您的點數帳戶與您的另一個帳戶合併。"
    "若非本人申請，請在 {ends} 之前透過聯盟頁面或任一服務台提出異議。",
}
_KINDS = {
    "lost_phone": {"en": "a lost phone", "zh-Hans": "手机遗失", "zh-Hant": "手機遺失"},
    "recycled_number": {
        "en": "a phone number that has a new owner",
        "zh-Hans": "手机号码已换机主",
        "zh-Hant": "門號已換人使用",
    },
    "death": {"en": "an inheritance", "zh-Hans": "继承", "zh-Hant": "繼承"},
}


def text_of(kind: str, language: str | None, alliance: str, ends_at: datetime) -> str:
    """The message of a kind of case in the member's language, English where it has none of these.

    Args:
        kind: of the case, ``merge`` among them.
        language: the member's wish, a tag as of BCP 47.
        alliance: its name.
        ends_at: until when the member can object; told in UTC, since nobody knows where it is read.
    """
    tongue = closest(language)
    ends = f"{ends_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if kind not in _KINDS:
        return _MERGE[tongue].format(alliance=alliance, ends=ends)
    return _MOVE[tongue].format(alliance=alliance, ends=ends, kind=_KINDS[kind][tongue])
