"""Log-ins of members without an API key: a phone number with a one-time code, or a card with its PIN.

Owns the table ``login_code``. Who asks for a code is told the same whether a member has the number or not: a
row is made by the number's hash, and the job that delivers looks up whose it is. A log-in gives a member's
key and no right beyond it (docs/without-a-phone.md).
"""
