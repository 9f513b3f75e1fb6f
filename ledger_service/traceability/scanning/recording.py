"""Recording an ordinary scan among others in a group commit, if the item is still as it was judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ledger_service.db.commands import BookCommand
from ledger_service.db.workset import Draft, Load, Need, Workset, load_by
from ledger_service.traceability.scanning.models import trace_scan, trace_scan_device, trace_scan_sum

ONE_SCAN = timedelta(minutes=1)
_SUM: Load = load_by(trace_scan_sum, "item_id")
_DEVICE: Load = load_by(trace_scan_device, "item_id", "device")


@dataclass(frozen=True, slots=True)
class Record:
    """The row of a scan of a made item, and how many scans the item had when it was judged."""

    row: Mapping[str, Any]
    times: int


class RecordScanCommand(BookCommand[bool]):
    """The scan counts from now on; answers False, with nothing written, where another came before it.

    Then its verdict is stale (two phones, one "first scan") and the scan must be judged again.

    Idempotency: one device's scans of an item within a minute are one.
    Locks: the item's sum.
    """

    def __init__(self, record: Record) -> None:
        """Take the scan."""
        self._row, self._times = record.row, record.times
        self._device = record.row["item_id"], record.row["device"]

    def locks(self, view: Workset) -> Iterable[Need]:
        """What the item's scans sum up to."""
        return [_SUM.of(self._row["item_id"])]

    def reads_first(self, view: Workset) -> Iterable[Need]:
        """The device's last scan of the item."""
        return [_DEVICE.of(*self._device)]

    def apply(self, draft: Draft) -> bool:
        """Record."""
        row, device = self._row, draft.get(trace_scan_device, self._device)
        if device is not None and row["at"] - device["seen_at"] < ONE_SCAN:
            return True
        known = draft.get(trace_scan_sum, row["item_id"])
        if self._times != (0 if known is None else known["times"]):
            return False
        draft.append(trace_scan, row)
        if device is None:
            item_id, mark = self._device
            draft.add(trace_scan_device, {"item_id": item_id, "device": mark, "seen_at": row["at"]})
        else:
            draft.change(trace_scan_device, self._device, seen_at=row["at"])
        if known is None:
            draft.add(trace_scan_sum, first_sum(row))
        else:
            changed = {name: first_sum(row)[name] for name in moving(row, known)}
            draft.change(trace_scan_sum, row["item_id"], times=known["times"] + 1, **changed)
        return True


def first_sum(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an item's scans sum up to after its first, or the new values of what ``moving`` names."""
    return {
        "item_id": row["item_id"], "times": 1, "first_at": row["at"], "first_country": row["country"],
        "last_at": row["at"], "latitude_tenths": row["latitude_tenths"],
        "longitude_tenths": row["longitude_tenths"],
    }  # fmt: skip


def moving(row: Mapping[str, Any], known: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Which columns of the sum a further scan moves.

    The last place that is known stays: a scan without one must not hide a journey. The instant belongs to the
    place: without one, neither moves.
    """
    if row["latitude_tenths"] is not None and row["longitude_tenths"] is not None:
        return ("last_at", "latitude_tenths", "longitude_tenths")
    placed = known is not None and known["latitude_tenths"] is not None
    return () if placed else ("last_at",)
