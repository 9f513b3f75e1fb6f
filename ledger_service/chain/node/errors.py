"""Failures of the local chain: the JSON-RPC code and the stable reason that a client may decide by."""

from __future__ import annotations

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
LIMIT_EXCEEDED = -32005
EXECUTION_REVERTED = 3


class RpcError(Exception):
    """A request that is answered with a JSON-RPC error object.

    Args:
        code: JSON-RPC error code.
        message: text for people, in the words other Ethereum nodes use.
        data: machine-readable detail (`{"reason": ...}`), or the revert bytes as 0x-hex.
    """

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class InvalidParams(RpcError):
    """The parameters do not fit the method."""

    def __init__(self, message: str) -> None:
        super().__init__(INVALID_PARAMS, message)


class LimitExceeded(RpcError):
    """The answer would be larger than the node gives; ask for less."""

    def __init__(self, message: str) -> None:
        super().__init__(LIMIT_EXCEEDED, message)


class Refused(RpcError):
    """A transaction that the node did not take.

    Args:
        reason: stable snake_case word, also in `error.data.reason`.
        message: text for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(SERVER_ERROR, message, {"reason": reason})
        self.reason = reason


class Reverted(RpcError):
    """A call that the contract reverted; `data` holds the revert bytes as 0x-hex."""

    def __init__(self, output: bytes, explanation: str) -> None:
        text = f"execution reverted: {explanation}" if explanation else "execution reverted"
        super().__init__(EXECUTION_REVERTED, text, "0x" + output.hex())


class StatePruned(RpcError):
    """The state of that block is no longer kept."""

    def __init__(self, number: int, oldest: int) -> None:
        super().__init__(
            SERVER_ERROR,
            f"state of block {number} is not kept; the oldest kept is {oldest}",
            {"reason": "state_pruned"},
        )


class StoreError(Exception):
    """The store cannot be opened: wrong genesis, other version, or in use by another process."""
