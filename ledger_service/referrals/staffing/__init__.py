"""Touch points: who of a merchant's staff is behind a live code, and whom each looks after.

Owns ``share_rota``, ``share_care`` and ``share_care_event``. A rota is told before it begins, so that nobody
says afterwards who was on duty; every hand-over of a member stays on record.
"""
