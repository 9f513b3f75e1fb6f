"""Late attach for the front door."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.attach.command import AttachCommand
from ledger_service.checkout.attach.requests import AttachRequest
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.requests import Write
from ledger_service.checkout.submission import Store, Submission
from ledger_service.merchants.errors import MerchantSuspended


class AttachService:
    """Joins receipts to members; one instance serves all request threads of a process."""

    def __init__(self, store: Store, admission: Admission) -> None:
        """Take the database and the door keeper."""
        self._submission = Submission(store, admission)
        self._admission = admission

    def attach(self, write: Write, request: AttachRequest) -> Answer:
        """The receipt has a member, and the earn of its own day: 201.

        Raises:
            UnknownSale, SaleWasImported, SaleHasMember, AttachClosed, AttachTooLate, AttachToStaff.
            MemberUnknown, MemberFrozen, CardEnded: there is no such member, or it may do nothing.
            MerchantSuspended: the merchant may not do business now.

        Idempotency: by caller and key, and a sale joins one member once.
        Invariants: INV-10, INV-11, INV-13.
        """
        write = permitted(write, "attach")
        with self._admission.shown_to_earn(write, request.member) as admitted:
            if admitted.known is not None:
                return admitted.known
            presence = admitted.presence or self._admission.nobody()
            # The chain would refuse what a suspended merchant's receipt earns (D7).
            refusal = MerchantSuspended() if write.caller.suspended else None
            scene, days = replace(admitted.scene, refusal=refusal), self._admission.attach_days()
            return self._submission.submit(AttachCommand(write, request, presence, scene, days))
