"""Passkeys (WebAuthn): a member logs in by its phone's own key, without a code or a PIN.

Owns the table ``passkey``. A challenge is signed by the service and stands in no table until it has served;
it serves once. The private key never leaves the member's device; what is kept opens nothing elsewhere. It
ends in the same log-in as a code (docs/without-a-phone.md, ADR 45).
"""
