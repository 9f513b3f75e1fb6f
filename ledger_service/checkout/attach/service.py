"""Late attach for the front door."""

from __future__ import annotations

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.attach.command import AttachCommand
from ledger_service.checkout.attach.requests import AttachRequest
from ledger_service.checkout.requests import Write
from ledger_service.checkout.submission import Store, Submission


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
            MemberUnknown, MemberFrozen: there is no such member, or it may do nothing.

        Idempotency: by caller and key, and a sale joins one member once.
        Invariants: INV-10, INV-11, INV-13.
        """
        with self._admission.shown_to_earn(write, request.member) as admitted:
            if admitted.known is not None:
                return admitted.known
            presence = admitted.presence or self._admission.nobody()
            days = self._admission.attach_days()
            return self._submission.submit(AttachCommand(write, request, presence, admitted.scene, days))
