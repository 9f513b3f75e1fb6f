"""What merchants' own systems hear and see of members, wired for serving processes."""

from __future__ import annotations

from ledger_service.api.administration import Administration
from ledger_service.api.endpoints import consents, exports, quiet_hours, segments, webhooks
from ledger_service.api.paging import Cursors
from ledger_service.api.routes import Served
from ledger_service.bootstrap.serving import Serving
from ledger_service.bootstrap.webhooks import webhook_desk

INSIGHT_MODULES = (webhooks, consents, quiet_hours, exports, segments)


def served_insight(serving: Serving, administration: Administration, cursors: Cursors) -> list[Served]:
    """The routes of these modules bound to their endpoints."""
    desk = webhook_desk(serving.foundations, serving.secrets)
    return [
        *webhooks.served(webhooks.WebhooksDoor(administration, cursors, desk)),
        *consents.served(consents.ConsentsDoor(administration, cursors)),
        *quiet_hours.served(quiet_hours.QuietHoursDoor(administration)),
        *segments.served(segments.SegmentsDoor(administration, cursors)),
        *exports.served(exports.ExportsDoor(administration, cursors, serving.members.vault)),
    ]
