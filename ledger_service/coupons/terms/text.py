"""Terms as canonical JSON, both ways, and their hash: what a version is, byte for byte.

What holds by default is left out, so a field that is added later changes no hash of before.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from ledger_service.coupons.terms.values import Benefit, Terms
from ledger_service.kernel.canonical import Canonical, canonical_hash, canonical_json
from ledger_service.kernel.clock import format_instant, parse_instant
from ledger_service.kernel.errors import MalformedField

# Beyond this JSON readers disagree, and no database has such a number.
_GREATEST = 2**53 - 1
_BENEFITS = {cls.__name__: cls for cls in get_args(Benefit)}


def terms_json(terms: Terms) -> str:
    """The canonical JSON text that a version keeps."""
    return canonical_json(cast(Canonical, _plain(terms))).decode()


def terms_hash(terms: Terms) -> bytes:
    """SHA-256 of the canonical JSON: 32 bytes; what the chain knows of the terms."""
    return canonical_hash(cast(Canonical, _plain(terms)))


def terms_of(raw: Mapping[str, Any]) -> Terms:
    """The terms in a JSON object.

    Raises:
        MalformedField: one that is unknown, missing or of the wrong form.
    """
    return cast(Terms, _made(Terms, dict(raw), "terms"))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        body: dict[str, object] = {}
        for f in fields(value):
            one = getattr(value, f.name)
            default = f.default_factory() if f.default_factory is not MISSING else f.default
            if one != default:
                body[f.name] = _plain(one)
        if type(value).__name__ in _BENEFITS:
            body["type"] = type(value).__name__
        return body
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return format_instant(value)
    return value.value if isinstance(value, StrEnum) else value


def _made(cls: type, raw: object, where: str) -> object:
    if not isinstance(raw, dict):
        raise MalformedField(where, "is no object")
    hints = _hints(cls)
    unknown = set(raw) - set(hints)
    if unknown:
        raise MalformedField(f"{where}.{min(map(str, unknown))}", "is no field of it")
    values = {}
    for f in fields(cls):
        if f.name in raw:
            values[f.name] = _read(hints[f.name], raw[f.name], f"{where}.{f.name}")
        elif f.default is MISSING and f.default_factory is MISSING:
            raise MalformedField(f"{where}.{f.name}", "is missing")
    return cls(**values)


@cache
def _hints(cls: type) -> dict[str, Any]:
    # Resolving them takes longer than all the rest.
    return get_type_hints(cls)


def _read(hint: Any, raw: object, where: str) -> object:
    if hint == Benefit:
        return _benefit(raw, where)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [one for one in get_args(hint) if one is not type(None)]
        return None if raw is None else _read(inner[0], raw, where)
    if origin in (tuple, frozenset):
        return _several(hint, raw, where)
    if is_dataclass(hint):
        return _made(cast(type, hint), raw, where)
    return _single(hint, raw, where)


def _benefit(raw: object, where: str) -> object:
    if not isinstance(raw, dict) or str(raw.get("type")) not in _BENEFITS:
        raise MalformedField(f"{where}.type", f"is none of {', '.join(_BENEFITS)}")
    return _made(_BENEFITS[str(raw["type"])], {k: v for k, v in raw.items() if k != "type"}, where)


def _several(hint: Any, raw: object, where: str) -> object:
    if not isinstance(raw, list):
        raise MalformedField(where, "is no list")
    inner = get_args(hint)
    made = [_read(inner[0], one, f"{where}[{i}]") for i, one in enumerate(raw)]
    if get_origin(hint) is frozenset:
        if len(set(made)) != len(made):
            raise MalformedField(where, "names something twice")
        return frozenset(made)
    if inner[-1] is not Ellipsis and len(made) != len(inner):
        raise MalformedField(where, f"has not {len(inner)} values")
    return tuple(made)


def _single(hint: Any, raw: object, where: str) -> object:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        if str(raw) not in {one.value for one in hint}:
            raise MalformedField(where, f"is none of {', '.join(hint)}")
        return hint(str(raw))
    if hint is datetime:
        return parse_instant(raw, where)
    if type(raw) is not hint:
        raise MalformedField(where, f"is no {hint.__name__}")
    if type(raw) is int and abs(raw) > _GREATEST:
        raise MalformedField(where, "is out of range")
    if hint is str and not 1 <= len(cast(str, raw)) <= 200:
        raise MalformedField(where, "has not 1 to 200 characters")
    return raw
