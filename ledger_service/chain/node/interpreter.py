"""py-evm's Prague computation with traced execution of hot code.

Code that is met for the first few times runs opcode by opcode through py-evm's own table; a jump destination
that is reached often gets a trace (see `traces`). Creation code always runs the ordinary way, it runs once.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from eth.exceptions import Halt, InvalidJumpDestination
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.logic.invalid import InvalidOpcode
from eth.vm.stack import Stack

from ledger_service.chain.node.traces import JUMP, JUMPDEST, JUMPI, PUSH0, Code, Trace, compile_trace

HOT_AFTER = 6
MAX_PROGRAMS = 96

_OPCODES: dict[int, Any] = PragueComputation.opcodes


class IntegerStack(Stack):
    """py-evm's stack holding integers only, as generated code expects."""

    def push_bytes(self, value: bytes) -> None:
        """The big-endian number is pushed."""
        self.push_int(int.from_bytes(value, "big"))


def _destinations(raw: bytes) -> frozenset[int]:
    found, at = [], 0
    while at < len(raw):
        opcode = raw[at]
        if opcode == JUMPDEST:
            found.append(at)
        at += opcode - PUSH0 + 1 if PUSH0 < opcode <= PUSH0 + 32 else 1
    return frozenset(found)


def _run_opcode(computation: Any, opcode: int) -> None:
    operation = _OPCODES.get(opcode)
    (operation or InvalidOpcode(opcode))(computation=computation)


class Program:
    """One contract's code with the traces made of it so far."""

    def __init__(self, raw: bytes) -> None:
        self.code = Code(raw, _destinations(raw), _OPCODES)
        self._traces: dict[int, Trace] = {}
        self._visits: dict[int, int] = {}
        self._names = {"R_jump": self._checked_jump, "R_opcode": _run_opcode}

    def run(self, computation: Any) -> None:
        """The computation has run to its end (py-evm's `Halt` and `VMError` pass through)."""
        position, stack, traces = 0, computation._stack.values, self._traces
        while True:
            trace = traces.get(position)
            if trace is not None:
                position = trace(computation, stack)
            elif self._is_hot(position):
                traces[position] = compile_trace(self.code, position, self._names)
            else:
                position = self._walk(computation, position)

    def _is_hot(self, position: int) -> bool:
        visits = self._visits.get(position, 0) + 1
        self._visits[position] = visits
        return visits > HOT_AFTER

    def _checked_jump(self, _computation: Any, target: int) -> int:
        if target not in self.code.destinations:
            raise InvalidJumpDestination("invalid jump destination")
        return int(target)

    def _walk(self, computation: Any, position: int) -> int:
        """Runs opcodes one by one up to the next jump destination; returns its position."""
        raw, stream = self.code.raw, computation.code
        stream.program_counter = position
        while True:
            at = stream.program_counter
            opcode = raw[at] if at < len(raw) else 0
            stream.program_counter = at + 1
            _run_opcode(computation, opcode)
            following: int = stream.program_counter
            if opcode in (JUMP, JUMPI) and following != at + 1:
                return self._checked_jump(computation, following)


_programs: dict[bytes, Program] = {}


def _program(raw: bytes) -> Program:
    program = _programs.get(raw)
    if program is None:
        if len(_programs) >= MAX_PROGRAMS:
            _programs.clear()
        program = _programs[raw] = Program(raw)
    return program


class TracedComputation(PragueComputation):
    """A message's execution through `Program`."""

    def __init__(self, state: Any, message: Any, transaction_context: Any) -> None:
        super().__init__(state, message, transaction_context)
        self._stack = IntegerStack()

    @classmethod
    def apply_computation(
        cls, state: Any, message: Any, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """The finished computation of a message."""
        if message.is_create or message.code_address in cls._precompiles or not message.code:
            return super().apply_computation(state, message, transaction_context, parent_computation)
        with cls(state, message, transaction_context) as computation:
            computation.contracts_created = parent_computation.contracts_created if parent_computation else []
            with suppress(Halt):
                _program(message.code).run(computation)
        return computation
