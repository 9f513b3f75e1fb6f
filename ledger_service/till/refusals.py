"""Why a till does not take something by itself; ``code`` is stable, as the service's own codes are."""

from __future__ import annotations


class TillRefused(Exception):
    """The till cannot answer for it alone."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class NoAnswer(Exception):
    """The service did not answer; ``sent`` says that it may have got the request all the same."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent
