"""The two ceremonies of WebAuthn, by the library ``webauthn``; whatever it finds wrong is one refusal.

Source: W3C Web Authentication Level 3, sections 7.1 (registering) and 7.2 (asserting).

The library is loaded when the first passkey comes: it takes 8 MB, and every process knows this room.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger_service.members.passkeys.rules import CHALLENGE_LIFE, Site

_PATIENCE_MS = int(CHALLENGE_LIFE.total_seconds()) * 1000
# A key of nobody's (P-256, the curve's own base point): judging by it costs what judging by a member's does.
_NOBODYS_KEY = bytes.fromhex(
    "a5010203262001215820"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "225820"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


class CeremonyFailed(Exception):
    """The device's answer is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey as the device made it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey as it is kept: its public key (COSE) and how often the device says it was used."""

    public_key: bytes
    sign_count: int


NOBODYS = Known(_NOBODYS_KEY, 0)


def options_to_make(
    site: Site, alliance: str, whose: tuple[bytes, str], challenge: bytes, had: Sequence[bytes]
) -> dict[str, Any]:
    """What a device is asked to make: a passkey that it finds by itself, and opens by finger, face or PIN.

    Args:
        site: whose it will be.
        alliance: what that is called.
        whose: handle and number of the member.
        challenge: to be answered.
        had: ids of passkeys that the device must not have already.
    """
    import webauthn
    from webauthn.helpers import structs

    handle, number = whose
    options = webauthn.generate_registration_options(
        rp_id=site.name, rp_name=alliance, user_id=handle, user_name=number, challenge=challenge,
        timeout=_PATIENCE_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in had],
    )  # fmt: skip
    return dict(json.loads(webauthn.options_to_json(options)))


def options_to_log_in(site: Site, challenge: bytes) -> dict[str, Any]:
    """What a device is asked to show a passkey; it shows those that it has."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_authentication_options(
        rp_id=site.name, challenge=challenge, timeout=_PATIENCE_MS,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return dict(json.loads(webauthn.options_to_json(options)))


def challenge_in(credential: Mapping[str, Any]) -> bytes:
    """The challenge that the device says it answered; nothing is judged yet.

    Raises:
        CeremonyFailed: the answer cannot be read.
    """
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    try:
        raw = base64url_to_bytes(credential["response"]["clientDataJSON"])
        return parse_client_data_json(raw).challenge
    except _odd() as odd:
        raise CeremonyFailed from odd


def credential_id_in(credential: Mapping[str, Any]) -> bytes:
    """The id of the passkey that the device says it used.

    Raises:
        CeremonyFailed: the answer cannot be read.
    """
    from webauthn.helpers import base64url_to_bytes

    try:
        return base64url_to_bytes(credential["rawId"])
    except _odd() as odd:
        raise CeremonyFailed from odd


def made(site: Site, credential: Mapping[str, Any], challenge: bytes) -> Made:
    """The passkey that the device made in answer to this challenge.

    Raises:
        CeremonyFailed: another challenge, site or kind of key, or nobody was asked for finger, face or PIN.
    """
    import webauthn

    try:
        found = webauthn.verify_registration_response(
            credential=dict(credential), expected_challenge=challenge, expected_rp_id=site.name,
            expected_origin=site.origin, require_user_verification=True,
        )  # fmt: skip
    except _odd() as odd:
        raise CeremonyFailed from odd
    return Made(found.credential_id, found.credential_public_key, found.sign_count)


def shown(site: Site, credential: Mapping[str, Any], challenge: bytes, known: Known) -> int:
    """The passkey has signed this challenge; returns how often the device says it was used.

    Raises:
        CeremonyFailed: another key, challenge or site, a count that went back, or nobody was asked.
    """
    import webauthn

    try:
        found = webauthn.verify_authentication_response(
            credential=dict(credential), expected_challenge=challenge, expected_rp_id=site.name,
            expected_origin=site.origin, credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count, require_user_verification=True,
        )  # fmt: skip
    except _odd() as odd:
        raise CeremonyFailed from odd
    return found.new_sign_count


def _odd() -> tuple[type[Exception], ...]:
    """What the library raises at an odd answer; or at nesting without an end, JSON's parser."""
    from webauthn.helpers.exceptions import WebAuthnException

    return WebAuthnException, ValueError, TypeError, KeyError, RecursionError
