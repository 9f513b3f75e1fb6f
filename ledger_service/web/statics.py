"""Style, scripts and icons: read once and addressed by their content, so browsers may keep them for ever."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Static:
    """A file with its media type and the name under which it is served."""

    raw: bytes
    media_type: str
    path: str


def load_statics() -> dict[str, Static]:
    """Every file of ``static`` by its name."""
    folder = files("ledger_service.web").joinpath("static")
    found: dict[str, Static] = {}
    for one in sorted(folder.iterdir(), key=lambda entry: entry.name):
        ending = one.name.rsplit(".", 1)[-1]
        if ending in _TYPES:
            raw = one.read_bytes()
            mark = sha256(raw).hexdigest()[:12]
            found[one.name] = Static(raw, _TYPES[ending], f"/static/{mark}/{one.name}")
    return found
