"""EPCIS 2.0: events are checked, stored once under their CBV hash, found again and walked along.

``service.capture_events(conn, merchant_id, events, at)`` is how other rooms tell what happened, inside their
own db transaction; ``walk.history_of(conn, names)`` is where an item came from and went to;
``findings.findings_of(conn, epc)`` is what about an item contradicts itself. Events are never changed or
deleted: a wrong one is declared so by another (``errorDeclaration``).
"""
