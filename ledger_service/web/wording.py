"""The words of the screens in three languages, from one file each with the same keys and placeholders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files

LANGUAGES = ("en", "zh-Hans", "zh-Hant")
NAMES = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}
# The words of members, tills and the first pages; those of the back offices; names of acts in their log; what
# a refusal of each code says to whoever meets it on a page.
_PARTS = ("", "office.", "acts.", "problems.")
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")


@lru_cache
def words(language: str) -> Mapping[str, str]:
    """Every text of a language by its key."""
    folder = files("ledger_service.web").joinpath("words")
    found: dict[str, str] = {}
    for part in _PARTS:
        text = folder.joinpath(f"{part}{language}.json").read_text(encoding="utf-8")
        found |= {key: str(value) for key, value in json.loads(text).items()}
    return found


def say(language: str, key: str, **values: object) -> str:
    """The text of a key with its values; a key without one shows itself, which a test finds."""
    text = words(language).get(key)
    return key if text is None else text.format(**values)


def has(language: str, key: str) -> bool:
    """Whether there is a text."""
    return key in words(language)


def best_language(chosen: str | None, accepts: str) -> str:
    """The language of a visitor: as chosen, else the first that the browser asks for, else English.

    Args:
        chosen: of the cookie, if any.
        accepts: the header Accept-Language.
    """
    if chosen in LANGUAGES:
        return str(chosen)
    for tag in _by_wish(accepts):
        if tag.startswith(_TRADITIONAL):
            return "zh-Hant"
        if tag.startswith("zh"):
            return "zh-Hans"
        if tag.startswith("en"):
            return "en"
    return "en"


def _by_wish(accepts: str) -> Iterable[str]:
    tags: list[tuple[int, int, str]] = []
    for place, part in enumerate(accepts.lower().split(",")[:20]):
        tag, _, quality = part.partition(";q=")
        weight = quality.strip().replace(".", "").ljust(4, "0")[:4] if quality else "1000"
        tags.append((-int(weight) if weight.isdigit() else 0, place, tag.strip()))
    return [tag for _, _, tag in sorted(tags)]
