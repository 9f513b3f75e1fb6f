"""Fraud rules as data: which acts at a till need a second look, and what was decided about each.

Owns the tables ``risk_rule_set``, ``risk_change``, ``staff_link``, ``risk_tally``, ``risk_decision``,
``risk_challenge``, ``risk_review`` and ``risk_review_event``. What a rule set says of an act is a function of
the observation and of what was counted before (``rules.judge``), so every stored observation can be judged
again by another set. A rule set counts only after a second person has published it, never for the past. A
merchant's rules count what happened at that merchant alone. The room knows no points and no checkout: facts
are handed to it, and it moves nothing.
"""
