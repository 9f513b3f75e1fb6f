"""Segments: a merchant's groups of members as rules in versions, tags, and who was in which when.

Who is in a segment is decided above, from the books; here stands the rule and the outcome. Membership is kept
as intervals, so that it can be told for any instant since the first run.
"""
