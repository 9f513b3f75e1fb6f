"""Bank files of settlement: payouts as a payment order (pain.001), and what a bank's statement says of them.

It writes and reads files and decides which payout a booking pays; it moves no money, knows no chain, and
believes nothing of a file that it has not read to its end.
"""
