"""Late attach: a receipt without a member joins one, once, and earns as it would have on its own day.

Owns the tables ``sale_attachment`` and ``attach_policy``. A sale earns for one member at
most, whatever comes at once: its row is locked, and the attachment's primary key says it again. Later
refunds undo the earn as if it had been given at the till (INV-13, docs/without-a-phone.md).
"""
