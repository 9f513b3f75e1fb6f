"""Reading a bundle that somebody handed over: without trust, and with the place of whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_PATH = 64
_GREATEST = 2**63 - 1


class BundleUnreadable(ValueError):
    """Not a bundle of this version; the message names the first place that is not.

    ``code`` is of the finding that it comes to.
    """

    code = "bundle-unreadable"


class BundleNewer(BundleUnreadable):
    """A bundle of a later version than is known here: nothing can be said of it, for or against."""

    code = "bundle-newer"


def check_version(top: Reader, form: str, version: int) -> None:
    """The document says that it is of this form and version.

    Raises:
        BundleUnreadable: it does not.
        BundleNewer: it is of this form, in a later version.
    """
    told = top.get("version")
    if top.get("format") != form or not isinstance(told, int) or isinstance(told, bool) or told < version:
        raise BundleUnreadable(f"not {form} of version {version}")
    if told > version:
        raise BundleNewer(f"{form} of version {told}; this command knows version {version}: use a newer one")


@dataclass(frozen=True, slots=True)
class Reader:
    """An object of the document, read without trust; ``where`` is its place."""

    value: Any
    where: str

    def get(self, name: str) -> Any:
        if not isinstance(self.value, Mapping):
            raise BundleUnreadable(f"{self.where} is no object")
        return self.value.get(name)

    def inner(self, name: str) -> Reader:
        return Reader(self.get(name), f"{self.where}.{name}")

    def many(self, name: str, most: int) -> list[Reader]:
        found = self.get(name)
        if not isinstance(found, list) or len(found) > most:
            raise self._odd(name, f"a list of at most {most}")
        return [Reader(one, f"{self.where}.{name}[{place}]") for place, one in enumerate(found)]

    def number(self, name: str) -> int:
        found = self.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= _GREATEST:
            raise self._odd(name, "a whole number")
        return found

    def text(self, name: str, most: int) -> str:
        found = self.get(name)
        if not isinstance(found, str) or len(found) > most:
            raise self._odd(name, f"text of at most {most} characters")
        return found

    def raw(self, name: str, size: int) -> bytes:
        return _bytes(self.get(name), size, f"{self.where}.{name}")

    def path(self, name: str) -> tuple[bytes, ...]:
        found = self.get(name)
        if not isinstance(found, list) or len(found) > _MOST_PATH:
            raise self._odd(name, f"a list of at most {_MOST_PATH} hashes")
        return tuple(_bytes(one, 32, f"{self.where}.{name}") for one in found)

    def _odd(self, name: str, wanted: str) -> BundleUnreadable:
        return BundleUnreadable(f"{self.where}.{name} is not {wanted}")


def _bytes(value: object, size: int, where: str) -> bytes:
    if isinstance(value, str) and value.startswith("0x") and len(value) == 2 + 2 * size:
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise BundleUnreadable(f"{where} is not 0x and {size} bytes")
