"""How moving in refuses as a whole; a single bad row is no error but a rejected row."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_service.kernel.errors import Category, DomainError


@dataclass(eq=False)
class ImportUnknown(DomainError):
    """No import has this name."""

    name: str

    code = "import-unknown"
    category = Category.MISSING
    why = "No import of the name `name` was checked here."
    fix = "List the imports with `alliance import status`, or check its folder first."


@dataclass(eq=False)
class ImportStateWrong(DomainError):
    """The import cannot do this where it stands."""

    name: str
    state: str

    code = "import-state-wrong"
    category = Category.CONFLICT
    why = "The import `name` stands at `state`, from where this step does not lead on."
    fix = "See docs/moving-in.md for the order of the steps; a new attempt takes a new name."


@dataclass(eq=False)
class ImportFilesChanged(DomainError):
    """A file is not the one that was checked."""

    file: str

    code = "import-files-changed"
    category = Category.CONFLICT
    why = "The file `file` is missing or has other bytes than when it was checked."
    fix = "Put the checked file back; before anything is loaded, check the new one instead."


@dataclass(eq=False)
class ImportFileMalformed(DomainError):
    """A file cannot be read on from a line, so its rows cannot even be counted."""

    file: str
    line: int
    reason: str

    code = "import-file-malformed"
    category = Category.MALFORMED
    why = "The file `file` is not CSV (RFC 4180, UTF-8) or Parquet with the columns of its kind, at `line`."
    fix = "Export it anew as `reason` says; docs/moving-in.md lists the columns."


@dataclass(eq=False)
class ParquetReaderMissing(DomainError):
    """The optional reader of Parquet is not installed."""

    code = "parquet-reader-missing"
    category = Category.UNAVAILABLE
    why = "A Parquet file is asked for and the optional package pyarrow is not installed."
    fix = "Install the project with its extra `demo`, which brings pyarrow, or use CSV."


@dataclass(eq=False)
class ControlTotalsDiffer(DomainError):
    """Accepted and rejected together are not what the operator said the file holds."""

    file: str
    figure: str
    expected: int
    found: int

    code = "control-totals-differ"
    why = "The figure `figure` of the file `file` is `found`; the manifest says `expected`."
    fix = "Find out which of the two is wrong: an export cut short, a file twice, a wrong manifest."


@dataclass(eq=False)
class RejectsNotAcknowledged(DomainError):
    """Rows were rejected and nobody has said that this many may stay behind."""

    rejected: int

    code = "rejects-not-acknowledged"
    category = Category.CONFLICT
    why = "Rows were rejected, so the cut-over leaves `rejected` of them behind."
    fix = "Import the mended rows under a further name, or name the number with --with-rejects."


@dataclass(eq=False)
class ImportCapTooLow(DomainError):
    """The issuer's cap does not allow the balances."""

    programme: str
    room: int
    needed: int

    code = "import-cap-too-low"
    why = "The balances of `programme` need `needed` points and its issuance cap leaves `room`."
    fix = "The issuer publishes terms with a higher cap; check again once they are in force."


@dataclass(eq=False)
class ImportIssuerSuspended(DomainError):
    """The contract takes no issue of this programme now."""

    programme: str

    code = "import-issuer-suspended"
    why = "The issuer of `programme` is suspended, so its points cannot be issued."
    fix = "Reinstate the merchant first, or leave its lots out."


@dataclass(eq=False)
class ImportBusy(DomainError):
    """Somebody else works on the same import."""

    name: str

    code = "import-busy"
    category = Category.CONFLICT
    why = "Another process works on the import `name`."
    fix = "Let that one finish, or end it; the work goes on where it stopped."
