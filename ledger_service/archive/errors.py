"""Why nothing is archived, or a file is not the archive that the database knows; for the command line."""

from __future__ import annotations


class ArchiveRefused(Exception):
    """Nothing was moved by the step that was asked for; the text says why and what to do."""
