"""What a one-time code says to its member, in the languages that members are written to."""

from __future__ import annotations

# {merchant}, {code}, {amount} and {minutes} are filled in; the code comes first, where every phone shows it.
_SPEND = {
    "en": "{code} is your code to pay up to {amount} in points at {merchant}, for {minutes} minutes."
    " Tell it to nobody but the cashier in front of you.",
    "zh-Hans": "{code} 是您在{merchant}用积分支付的验证码，最多支付 {amount}，{minutes} 分钟内有效。"
    "除您面前的收银员外，请勿告诉任何人。",
    "zh-Hant": "{code} 是您在{merchant}以點數支付的驗證碼，最多支付 {amount}，{minutes} 分鐘內有效。"
    "除您面前的收銀員外，請勿告訴任何人。",
}
_PIN = {
    "en": "{code} is your code to set a new PIN for your card at {merchant}, for {minutes} minutes."
    " If you did not ask for it, tell it to nobody.",
    "zh-Hans": "{code} 是您在{merchant}为会员卡设置新密码的验证码，{minutes} 分钟内有效。"
    "若非本人操作，请勿告诉任何人。",
    "zh-Hant": "{code} 是您在{merchant}為會員卡設定新密碼的驗證碼，{minutes} 分鐘內有效。"
    "若非本人操作，請勿告訴任何人。",
}
_LOGIN = {
    "en": "{code} is your code to log in at {merchant}, for {minutes} minutes."
    " Nobody will ever ask you for it.",
    "zh-Hans": "{code} 是您登录{merchant}的验证码，{minutes} 分钟内有效。任何人都不会向您索要此验证码。",
    "zh-Hant": "{code} 是您登入{merchant}的驗證碼，{minutes} 分鐘內有效。任何人都不會向您索取此驗證碼。",
}
_TEXTS = {"spend": _SPEND, "pin": _PIN, "login": _LOGIN}
LANGUAGES = tuple(_SPEND)


def text_of(purpose: str, language: str | None, **told: str) -> str:
    """The message of a purpose in the member's language, English where it has none of these."""
    texts = _TEXTS[purpose]
    return texts[closest(language)].format(**told)


def closest(language: str | None) -> str:
    """The nearest of our languages to a tag (BCP 47)."""
    tag = (language or "").lower().replace("_", "-")
    if tag.startswith("zh"):
        traditional = any(part in tag.split("-") for part in ("hant", "tw", "hk", "mo"))
        return "zh-Hant" if traditional else "zh-Hans"
    return "en"
