"""Moving in: a running programme's members, cards, balances and past come from files into this ledger.

It owns the imports, their progress and their rejected rows, and says what of a balance came from where. Rows
are judged one by one and never silently dropped: accepted and rejected together are the operator's control
totals, or nothing is cut over. Until then imported points are a promise (ADR 4): to be read, not to be spent,
and to be taken back whole. Every chunk and its progress are one db transaction, and every id follows from the
import and the row (ADR 6), so a load that was cut off is simply run again.
"""
