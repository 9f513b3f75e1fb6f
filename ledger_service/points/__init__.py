"""Points: programmes, their terms and calendars, earn rules, issuance, vesting, expiry, gifts, adjustments.

Owns the tables ``programme``, ``programme_terms``, ``programme_epoch``, ``earn_rule``, ``issuance_budget``,
``issuance_reservation``, ``pending_issue``, ``member_programme``, ``earned_on_day``,
``expiry_notice``, ``expiry_notice_run``, ``set_aside`` and ``adjustment``. Keeps INV-10 on the SQL side
(reservations never exceed the cap) and INV-11 (no expiry before the epoch fixed at issue).
"""
