"""The settlement room: what merchants owe one another for a period, as statements, nets and payouts.

The chain adds up each merchant's net of a period; this room splits it into lines, rounds it once, finds the
fewest payments and writes them down for people and banks. Invariants: INV-5, D12.
"""
