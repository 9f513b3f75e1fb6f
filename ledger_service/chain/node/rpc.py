"""JSON-RPC 2.0: takes a request apart, runs each call, puts the answer together. Knows nothing of HTTP."""

from __future__ import annotations

import logging
from typing import Any

import orjson

from ledger_service.chain.node.errors import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)
from ledger_service.chain.node.methods import Methods

MAX_BATCH = 1_000
MAX_ANSWER_BYTES = 32 * 1024 * 1024

log = logging.getLogger(__name__)


class Dispatcher:
    """Answers request bodies.

    Args:
        methods: what can be called.
    """

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def answer(self, body: bytes) -> bytes:
        """The response body; empty when the request held notifications only.

        A batch runs in its order. Once the answers together pass `MAX_ANSWER_BYTES`, later calls still run
        and are answered with an error in the place of their result.
        """
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _error(None, RpcError(PARSE_ERROR, "parse error"))
        if not isinstance(request, list):
            return self._one(request)
        if not request:
            return _error(None, RpcError(INVALID_REQUEST, "empty batch"))
        if len(request) > MAX_BATCH:
            return _error(None, RpcError(LIMIT_EXCEEDED, f"batch too large: at most {MAX_BATCH} calls"))
        return self._batch(request)

    def _batch(self, requests: list[Any]) -> bytes:
        answers, size = [], 0
        for request in requests:
            answer = self._one(request)
            size += len(answer)
            if size > MAX_ANSWER_BYTES:
                answer = (
                    _error(request.get("id"), RpcError(LIMIT_EXCEEDED, "response too large"))
                    if answer
                    else b""
                )
            if answer:
                answers.append(answer)
        return b"[" + b",".join(answers) + b"]" if answers else b""

    def _one(self, request: Any) -> bytes:
        """One call's answer; empty for a notification."""
        identity = request.get("id") if isinstance(request, dict) else None
        try:
            name, arguments = _checked(request)
            result = self._run(name, arguments)
        except RpcError as error:
            return _error(identity, error)
        if "id" not in request:
            return b""
        return orjson.dumps({"jsonrpc": "2.0", "id": identity, "result": result})

    def _run(self, name: str, arguments: list[Any]) -> Any:
        if name not in self._methods.plain and name not in self._methods.reads:
            raise RpcError(METHOD_NOT_FOUND, f"the method {name[:64]} does not exist or is not available")
        if not self._methods.accepts(name, len(arguments)):
            raise RpcError(INVALID_PARAMS, f"{name}: wrong number of parameters")
        try:
            return self._methods.run(name, arguments)
        except RpcError:
            raise
        except Exception as error:  # the node's top loop: a bug in one call must not end the connection
            log.exception("call failed: %s", name)
            raise RpcError(INTERNAL_ERROR, "internal error") from error


def _checked(request: Any) -> tuple[str, list[Any]]:
    if (
        not isinstance(request, dict)
        or request.get("jsonrpc") != "2.0"
        or not isinstance(request.get("method"), str)
    ):
        raise RpcError(INVALID_REQUEST, "invalid request")
    if not isinstance(request.get("id"), (str, int, float, type(None))) or isinstance(
        request.get("id"), bool
    ):
        raise RpcError(INVALID_REQUEST, "invalid request id")
    arguments = request.get("params", [])
    if arguments is None:
        arguments = []
    if not isinstance(arguments, list):
        raise RpcError(INVALID_PARAMS, "params: expected a list")
    return request["method"], arguments


def _error(identity: Any, error: RpcError) -> bytes:
    if not isinstance(identity, (str, int, float)):
        identity = None
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return orjson.dumps({"jsonrpc": "2.0", "id": identity, "error": body})
