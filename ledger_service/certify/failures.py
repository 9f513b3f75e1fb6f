"""Why a certification cannot go on; what a till does wrong is no failure but a finding."""

from __future__ import annotations


class CertificationFailed(Exception):
    """The sandbox or the certifier's own requests to it went wrong; nothing is known of the till."""


class DriverGone(Exception):
    """The till's driver ended, answered no JSON line, or took longer than it may."""
