"""Webhooks: what happened, told to merchants' own systems by the Standard Webhooks scheme.

Owns the addresses, the facts told, and how far each was delivered. A job follows the books behind the work
and writes facts; another sends them. No request waits for either. A fact holds nothing personal: the member's
number is put in when it is sent, and is gone once the member is erased. It must never post, book or decide.
"""
