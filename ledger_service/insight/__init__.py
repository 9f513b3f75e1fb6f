"""Insight: what is known of members, read on consents, exported to themselves, erased, and told in segments.

Owns no book: it reads those of the rooms below, and writes only the record that something was read.
"""
