"""The database room: engines, column types, the writer with its working set, guards of append-only tables.

It knows no business table. It must never commit for a service nor let an answer leave before its commit.
"""
