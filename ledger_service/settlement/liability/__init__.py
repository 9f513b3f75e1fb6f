"""What an issuer owes in points, by age and end, how they are redeemed, and what revenue waits for them.

Reads only. Everything follows from one table of flows by epoch and month, which the database adds up;
nothing is posted, and breakage stays an estimate.
"""
