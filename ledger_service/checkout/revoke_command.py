"""Revoking a pay code: a tombstone for the unknown, so that a late original is refused (D6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger_service.checkout.keyed import KeyedCommand
from ledger_service.checkout.models import pay_code_revocation
from ledger_service.checkout.presence import REVOCATION, Presence, check_shown
from ledger_service.checkout.requests import Write
from ledger_service.db.workset import Draft, Need, Workset
from ledger_service.kernel.clock import seconds_floor
from ledger_service.kernel.ids import id_text
from ledger_service.kernel.paycode import LIFE_SECONDS
from ledger_service.kernel.paycode_timing import AttemptState, Revocation, next_query_seconds, revocation_of
from ledger_service.kernel.permits import SpendPermit
from ledger_service.points.models import permit_use
from ledger_service.points.permits import DEVICES_OF_MEMBER, PERMIT_USE, nonce_key


class RevokeCommand(KeyedCommand):
    """The code is worthless from now on, unless it has paid already, which the answer then says."""

    def __init__(self, write: Write, presence: Presence, permit: SpendPermit) -> None:
        """Take the code as it was shown and the permit that it carries."""
        super().__init__(write)
        self.presence = presence
        self.key = (permit.account, nonce_key(permit.nonce))
        self.age_seconds = seconds_floor(write.at) - (permit.valid_until - LIFE_SECONDS)

    def locks(self, view: Workset) -> Iterable[Need]:
        """The member, so that a sale with the same code comes before or after."""
        return self.presence.locks()

    def reads(self, view: Workset) -> Iterable[Need]:
        """Whether it was used or revoked, and the keys of its member."""
        yield from (PERMIT_USE.of(*self.key), REVOCATION.of(*self.key))
        row = self.presence.row(view)
        if row is not None:
            yield DEVICES_OF_MEMBER.of(row["member_id"])

    def decide(self, draft: Draft) -> tuple[int, dict[str, Any]]:
        """Write the tombstone where there is nothing yet.

        Raises:
            PayCodeAltered: no key of the member signed it.
            RevokeTooEarly: the original may still be on its way.
        """
        check_shown(draft, self.presence)
        state, used_by = state_of(draft, self.key)
        if state is AttemptState.ACCEPTED:
            # What has paid is undone by a void or a refund, which know what to give back.
            return 200, attempt_view(state, used_by, self.age_seconds)
        if revocation_of(state, self.age_seconds) is Revocation.WRITE_TOMBSTONE:
            account, nonce = self.key
            draft.add(
                pay_code_revocation,
                {
                    "account": account,
                    "nonce": nonce,
                    "merchant_id": self.write.caller.merchant_id,
                    "terminal_id": self.write.caller.terminal_id,
                    "revoked_at": self.write.at,
                },
            )
        return 200, attempt_view(AttemptState.REVOKED, None, self.age_seconds)


def state_of(draft: Draft, key: tuple[bytes, bytes]) -> tuple[AttemptState, bytes | None]:
    """What is known of the code, and the sale or hold that used it."""
    used = draft.get(permit_use, key)
    if used is not None:
        return AttemptState.ACCEPTED, used["used_by"]
    gone = draft.get(pay_code_revocation, key) is not None
    return (AttemptState.REVOKED if gone else AttemptState.UNKNOWN), None


def attempt_view(state: AttemptState, used_by: bytes | None, age_seconds: int) -> dict[str, Any]:
    """What the till is told of an attempt; ``used_by`` is a sale or hold id."""
    return {
        "state": state.value,
        "used_by": id_text(used_by) if used_by is not None else None,
        "next_query_seconds": next_query_seconds(state, max(age_seconds, 0)),
    }
