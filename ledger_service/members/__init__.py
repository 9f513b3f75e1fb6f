"""Members: who they are (erasable), the devices whose keys speak for them, and the codes they show at tills.

Owns the tables ``member``, ``member_identity``, ``device`` and ``otp_use``. A member's personal
data stands only here and can be destroyed without touching any posting or anything on chain
(D15); a device's key becomes a signer of the member's account by D1. INV-9 rests on
``rules.active_device``: nothing else decides whose signature spends.
"""
