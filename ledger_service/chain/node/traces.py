"""Turns hot EVM code into Python functions, one per trace, so that the interpreter's cost per opcode nearly
vanishes.

A trace starts at a jump destination and follows the code through jumps whose target is a literal, until it
meets an unknown target, itself, or its length limit. Stack items live in local variables; what is left is
pushed when the trace ends. Gas of opcodes with a fixed price is taken once per segment, and a segment ends at
every opcode that can see or change the gas left. Inside a segment an exceptional halt takes all gas and
undoes all effects, so it does not matter which of its opcodes is the one that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ledger_service.chain.node import runtime

MAX_TRACE = 160
STACK_LIMIT = 1_024

Trace = Callable[[Any, list[int]], int]
"""(computation, its stack) -> next program counter."""

JUMP, JUMPI, JUMPDEST, PUSH0, DUP1, SWAP1, POP = 0x56, 0x57, 0x5B, 0x5F, 0x80, 0x90, 0x50
_TERMINATORS = frozenset({0x00, 0xF3, 0xFD, 0xFE, 0xFF})

_WORD = "0x" + "ff" * 32
# opcode: (items popped, expression of them: {0} is the top); one item is pushed. Unary plus turns a bool
# into an int.
PURE: Mapping[int, tuple[int, str]] = {
    0x01: (2, f"({{0}} + {{1}}) & {_WORD}"),
    0x02: (2, f"({{0}} * {{1}}) & {_WORD}"),
    0x03: (2, f"({{0}} - {{1}}) & {_WORD}"),
    0x04: (2, "{0} // {1} if {1} else 0"),
    0x05: (2, "R.sdiv({0}, {1})"),
    0x06: (2, "{0} % {1} if {1} else 0"),
    0x07: (2, "R.smod({0}, {1})"),
    0x08: (3, "({0} + {1}) % {2} if {2} else 0"),
    0x09: (3, "({0} * {1}) % {2} if {2} else 0"),
    0x0B: (2, "R.signextend({0}, {1})"),
    0x10: (2, "+({0} < {1})"),
    0x11: (2, "+({0} > {1})"),
    0x12: (2, "+(R.signed({0}) < R.signed({1}))"),
    0x13: (2, "+(R.signed({0}) > R.signed({1}))"),
    0x14: (2, "+({0} == {1})"),
    0x15: (1, "+(not {0})"),
    0x16: (2, "{0} & {1}"),
    0x17: (2, "{0} | {1}"),
    0x18: (2, "{0} ^ {1}"),
    0x19: (1, f"{{0}} ^ {_WORD}"),
    0x1A: (2, "({1} >> 8 * (31 - {0})) & 255 if {0} < 32 else 0"),
    0x1B: (2, f"({{1}} << {{0}}) & {_WORD} if {{0}} < 256 else 0"),
    0x1C: (2, "{1} >> {0} if {0} < 256 else 0"),
    0x1D: (2, "R.sar({0}, {1})"),
    0x30: (0, "int.from_bytes(c.msg.storage_address, 'big')"),
    0x33: (0, "int.from_bytes(c.msg.sender, 'big')"),
    0x34: (0, "c.msg.value"),
    0x35: (1, "R.word(c.msg.data, {0})"),
    0x36: (0, "len(c.msg.data)"),
    0x3D: (0, "len(c.return_data)"),
    0x42: (0, "c.state.timestamp"),
    0x46: (0, "c.state.execution_context.chain_id"),
}
# As above, but the opcode sees or takes gas of its own: it ends the segment.
METERED: Mapping[int, tuple[int, str]] = {
    0x20: (2, "R.keccak(c, {0}, {1})"),
    0x51: (1, "R.mload(c, {0})"),
    0x54: (1, "R.sload(c, {0})"),
    0x5A: (0, "g.gas_remaining"),
}
# As METERED, but nothing is pushed.
EFFECTS: Mapping[int, tuple[int, str]] = {
    0x52: (2, "R.mstore(c, {0}, {1})"),
    0x55: (2, "R.sstore(c, {0}, {1})"),
}


@dataclass(frozen=True, slots=True)
class Code:
    """Code to trace.

    Args:
        raw: the bytes.
        destinations: positions of valid jump destinations.
        opcodes: py-evm's opcode table, for fixed prices and for opcodes that are not generated.
    """

    raw: bytes
    destinations: frozenset[int]
    opcodes: Mapping[int, Any]

    def price(self, opcode: int) -> int:
        """Gas of an opcode apart from what it meters itself."""
        return int(self.opcodes[opcode].gas_cost)


@dataclass(slots=True)
class _Segment:
    """A run of opcodes whose fixed gas is taken at once, at line `line` of the function."""

    line: int
    gas: int = 0
    popped: int = 0
    highest: int = 0


@dataclass(slots=True)
class _Writer:
    """Builds one trace's source."""

    code: Code
    position: int
    lines: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    segment: _Segment = field(default_factory=lambda: _Segment(0))
    names: int = 0
    visited: set[int] = field(default_factory=set)

    def source(self) -> str:
        """The function's source."""
        self.open_segment()
        for _ in range(MAX_TRACE):
            if not self.step():
                break
        else:
            self.leave(str(self.position))
        self.close_segment()
        return "def trace(c, s):\n g = c._gas_meter\n" + "\n".join(f" {line}" for line in self.lines) + "\n"

    # -- segments --------------------------------------------------------------------------------------------

    def open_segment(self) -> None:
        self.lines.append("")
        self.segment = _Segment(len(self.lines) - 1, highest=len(self.stack))

    def close_segment(self) -> None:
        part = self.segment
        check = ""
        if part.popped or part.highest > 0:
            room = STACK_LIMIT - part.highest
            check = f"if not {part.popped} <= len(s) <= {room}: R.stack_fault(len(s), {part.popped})\n "
        charge = "pass"
        if part.gas:
            charge = f"left = g.gas_remaining - {part.gas}\n if left < 0: R.out_of_gas()\n"
            charge += " g.gas_remaining = left"
        self.lines[part.line] = check + charge

    def next_segment(self) -> None:
        self.close_segment()
        self.open_segment()

    # -- stack -----------------------------------------------------------------------------------------------

    def reach(self, depth: int) -> None:
        """The topmost `depth` items are in local variables."""
        while len(self.stack) < depth:
            self.stack.insert(0, self.assign("s.pop()"))
            self.segment.popped += 1

    def take(self, count: int) -> list[str]:
        """The topmost items, top first, removed."""
        self.reach(count)
        return [self.stack.pop() for _ in range(count)]

    def push(self, expression: str) -> None:
        self.stack.append(expression)
        self.segment.highest = max(self.segment.highest, len(self.stack) - self.segment.popped)

    def assign(self, expression: str) -> str:
        self.names += 1
        name = f"t{self.names}"
        self.lines.append(f"{name} = {expression}")
        return name

    def flushed(self) -> str:
        """Statement that puts the local items back on the stack, or an empty string."""
        return f"s.extend(({', '.join(self.stack)},))" if self.stack else ""

    def leave(self, target: str) -> None:
        if self.stack:
            self.lines.append(self.flushed())
        self.lines.append(f"return {target}")

    # -- opcodes ---------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Writes the next opcode; False when the trace ends with it."""
        raw, at = self.code.raw, self.position
        opcode = raw[at] if at < len(raw) else 0
        if opcode == JUMPDEST:
            if at in self.visited:
                self.leave(str(at))
                return False
            self.visited.add(at)
        if opcode not in self.code.opcodes or opcode in _TERMINATORS:
            return self.delegate(opcode, last=True)
        self.position = at + 1
        if opcode in (JUMP, JUMPI):
            self.segment.gas += self.code.price(opcode)
            return self.jump() if opcode == JUMP else self.branch()
        if self.generated(opcode):
            return True
        return self.delegate(opcode, last=False)

    def generated(self, opcode: int) -> bool:
        """Writes an opcode that has a template; False when it has none."""
        if opcode in METERED or opcode in EFFECTS:
            self.metered(opcode)
            return True
        if opcode in PURE:
            count, template = PURE[opcode]
            self.push(self.assign(template.format(*self.take(count))))
        elif PUSH0 <= opcode < DUP1:
            self.literal(opcode - PUSH0)
        elif DUP1 <= opcode < SWAP1:
            self.reach(opcode - DUP1 + 1)
            self.push(self.stack[DUP1 - opcode - 1])
        elif SWAP1 <= opcode < SWAP1 + 16:
            self.swap(opcode - SWAP1 + 2)
        elif opcode == POP:
            self.take(1)
        elif opcode != JUMPDEST:
            return False
        self.segment.gas += self.code.price(opcode)
        return True

    def metered(self, opcode: int) -> None:
        count, template = METERED.get(opcode) or EFFECTS[opcode]
        self.segment.gas += self.code.price(opcode)
        call = template.format(*self.take(count))
        if opcode in METERED:
            self.push(self.assign(call))
        else:
            self.lines.append(call)
        self.next_segment()

    def literal(self, size: int) -> None:
        end = self.position + size
        value = int.from_bytes(self.code.raw[self.position : end].ljust(size, b"\0"), "big")
        self.position = end
        self.push(str(value))

    def swap(self, depth: int) -> None:
        self.reach(depth)
        stack = self.stack
        stack[-1], stack[-depth] = stack[-depth], stack[-1]

    def jump(self) -> bool:
        (target,) = self.take(1)
        if not target.isdigit() or int(target) not in self.code.destinations:
            self.leave(f"R_jump(c, {target})")
            return False
        self.position = int(target)
        return True

    def branch(self) -> bool:
        target, condition = self.take(2)
        exit_to = (
            target if target.isdigit() and int(target) in self.code.destinations else f"R_jump(c, {target})"
        )
        flush = f"{self.flushed()}; " if self.stack else ""
        self.lines.append(f"if {condition}: {flush}return {exit_to}")
        self.next_segment()
        return True

    def delegate(self, opcode: int, last: bool) -> bool:
        """Lets py-evm run the opcode on the real stack."""
        if self.stack:
            self.lines.append(self.flushed())
            self.stack = []
        self.lines.append(f"c.code.program_counter = {self.position if not last else self.position + 1}")
        self.lines.append(f"R_opcode(c, {opcode})")
        if last:
            self.lines.append("return -1")
            return False
        self.next_segment()
        return True


def compile_trace(code: Code, start: int, extra: Mapping[str, Any]) -> Trace:
    """The function of the trace that starts at a position.

    Args:
        code: what is traced.
        start: a jump destination or zero.
        extra: `R_jump` (checks a computed jump target) and `R_opcode` (runs one opcode the ordinary way).
    """
    names: dict[str, Any] = {"R": runtime, **extra}
    source = _Writer(code, start).source()
    exec(compile(source, "<evm trace>", "exec"), names)  # noqa: S102 - our own text, built from numbers and templates
    trace: Trace = names["trace"]
    return trace
