"""Training at the till: who asks for it is answered as in earnest, and nothing has happened."""

from __future__ import annotations

from dataclasses import replace

from ledger_service.checkout.admission import Admission
from ledger_service.checkout.answers import Answer
from ledger_service.checkout.permitted import permitted
from ledger_service.checkout.requests import RefundRequest, SaleRequest, Write
from ledger_service.checkout.submission import Submission
from ledger_service.checkout.training_commands import (
    TrainingCommand,
    TrainingRefund,
    TrainingSale,
    rehearsal,
    training_view,
)


class Training:
    """Sales and refunds in training; one instance serves all request threads of a process."""

    def __init__(self, submission: Submission, admission: Admission) -> None:
        """Take what commands are given to, and the door keeper."""
        self._submission = submission
        self._admission = admission

    def sale(self, write: Write, request: SaleRequest) -> Answer:
        """As a sale, of which nothing stays but the answer: 201.

        Raises:
            DomainError: what the sale would refuse.

        Idempotency: by caller and key, which must not have served a real write.
        """
        admitted = self._admission.rehearsed(write, request)
        inner = TrainingSale(rehearsal(write), request, admitted.presence, admitted.scene)
        return self._submission.submit(TrainingCommand(write, inner))

    def refund(self, write: Write, request: RefundRequest) -> Answer:
        """As a refund, of a sale in training: 201.

        Raises:
            TrainingMixed: the sale is a real one.
            DomainError: what the refund would refuse.

        Idempotency: as for a sale.
        """
        scene = self._admission.scene_in(write.caller, request.shift, write.at)
        inner = TrainingRefund(rehearsal(write), request, scene, self._admission.policies())
        caller = replace(write.caller, training=False)
        # A self-checkout takes nothing back in training either.
        checked = permitted(replace(write, caller=caller), "refund", replace(request.shift, training=False))
        return self._submission.submit(TrainingCommand(replace(write, refusal=checked.refusal), inner))


__all__ = ["Training", "training_view"]
