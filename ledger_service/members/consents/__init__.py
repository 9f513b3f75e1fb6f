"""Consents: which merchant may read what another one knows of a member, and what for; and who has read.

A fact belongs to the merchant where it came about. Another one reads it only while the member's own consent
for that owner, reader and purpose stands. Each reading by somebody else than the owner, whoever runs the
alliance or audits it included, leaves a row that the member sees.
"""
