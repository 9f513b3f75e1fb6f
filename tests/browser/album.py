"""Pictures of pages as small PNG files: few colours, no more of a long page than two screens."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

_COLOURS = 48
_SCREENS = 2


class Album:
    """A folder of pictures, by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, page: Page, name: str, screens: int = _SCREENS) -> None:
        """What the page shows now, ``screens`` of its windows long at most."""
        size = page.viewport_size or {"width": 0, "height": 0}
        long = int(page.evaluate("document.documentElement.scrollHeight"))
        tall = min(max(long, size["height"]), screens * size["height"])
        # A bar that sticks to a phone's lower edge stands where the picture ends.
        page.set_viewport_size({"width": size["width"], "height": tall})
        raw = page.screenshot()
        page.set_viewport_size(size)
        with Image.open(io.BytesIO(raw)) as picture:
            small = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        small.save(self._folder / f"{name}.png", optimize=True)
