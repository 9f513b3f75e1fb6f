"""What axe-core says against a page: its serious and critical findings, each with the element it found."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

_GRAVE = ("serious", "critical")
# The rule that a colour scheme can break; the others say the same in light and dark.
_QUICK = {"resultTypes": ["violations"], "selectors": False, "preload": False, "iframes": False}
COLOURS = _QUICK | {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
# WCAG 2.2 AA's size of what is tapped is asked for by name: axe-core leaves it out by itself.
EVERYTHING = _QUICK | {"rules": {"target-size": {"enabled": True}}}


@cache
def _source() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def load(page: Page) -> None:
    """The page can be asked afterwards; the source comes by the debugger, so the page's own policy stands."""
    page.evaluate(_source())


def findings(page: Page, options: dict[str, Any]) -> list[str]:
    """Rule and element of each grave finding on the page as it is now."""
    told = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{found['id']}: {node['html'][:160]} {node['failureSummary'][-200:]}"
        for found in told["violations"] if found["impact"] in _GRAVE
        for node in found["nodes"]
    ]  # fmt: skip
