"""Pictures of figures as SVG text: no script, no library, a title for whoever does not see them.

Each function takes integers and finished texts and returns markup; colours come from the style sheet. The
page puts the same figures into a table beside it.
"""

from ledger_service.web.drawing.ageing import Slice, ageing
from ledger_service.web.drawing.flow import Stream, netting
from ledger_service.web.drawing.funnel import Step, funnel
from ledger_service.web.drawing.series import Point, series

__all__ = ["Point", "Slice", "Step", "Stream", "ageing", "funnel", "netting", "series"]
