"""Tickets to events: what was paid for one is owed until its holder has entered or has the money back.

Owns ``ticket`` and ``ticket_entry``. It keeps: a ticket ends once, by an entry or by its money back; it has
one holder at a time, and a proof that the old one has works no more once it was given; there are as many
entries of it as it counts, and none ever changes. How many are sold at most is a budget of the definition.
"""
