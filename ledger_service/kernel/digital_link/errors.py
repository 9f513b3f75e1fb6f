"""Why a value or a URI is none."""

from __future__ import annotations


class LinkMalformed(ValueError):
    """Not a GS1 Digital Link; ``reason`` is for the log and for people, ``ai`` the identifier concerned."""

    def __init__(self, reason: str, ai: str = "") -> None:
        """Note the reason."""
        super().__init__(f"({ai}) {reason}" if ai else reason)
        self.reason = reason
        self.ai = ai
