"""Random EVM programs that run to their end: balanced stack, bounded memory, loops that stop."""

from __future__ import annotations

import random

INTERESTING = (
    0,
    1,
    2,
    31,
    32,
    33,
    255,
    256,
    1 << 160,
    1 << 255,
    (1 << 256) - 1,
    (1 << 255) - 1,
    (1 << 64) + 7,
)
BINARY = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0B, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18,
          0x1A, 0x1B, 0x1C, 0x1D]  # fmt: skip
TERNARY = [0x08, 0x09]
UNARY = [0x15, 0x19]
PLAIN = [0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x58,
         0x59, 0x5A, 0x5F]  # fmt: skip


def push(value: int) -> bytes:
    """The shortest PUSH of a number, at least PUSH1."""
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes([0x5F + size]) + value.to_bytes(size, "big")


def word(rng: random.Random) -> int:
    """A number likely to hit an edge."""
    return rng.choice(INTERESTING) if rng.random() < 0.6 else rng.getrandbits(rng.choice([8, 16, 64, 256]))


class Program:
    """Builds one contract.

    Args:
        callees: addresses it may call.
    """

    def __init__(self, rng: random.Random, callees: list[bytes]) -> None:
        self._rng = rng
        self._callees = callees
        self._code = bytearray()
        self._labels: dict[str, int] = {}
        self._uses: list[tuple[int, str]] = []
        self._functions = rng.randint(0, 3)

    def build(self) -> bytes:
        """Statements, a return of memory, and the functions they call."""
        self._statements(self._rng.randint(4, 10), depth=2)
        self._code += push(self._rng.choice([0, 32, 512])) + push(0)
        self._code.append(self._rng.choice([0xF3, 0xF3, 0xF3, 0xFD]))
        for number in range(self._functions):
            self._mark(f"function{number}")
            self._statements(self._rng.randint(1, 4), depth=1, inside_function=True)
            self._code.append(0x56)
        for at, label in self._uses:
            self._code[at : at + 2] = self._labels[label].to_bytes(2, "big")
        return bytes(self._code)

    def _mark(self, label: str) -> None:
        self._labels[label] = len(self._code)
        self._code.append(0x5B)

    def _push_label(self, label: str) -> None:
        self._code.append(0x61)
        self._uses.append((len(self._code), label))
        self._code += b"\0\0"

    def _bounded(self, mask: int) -> None:
        self._expression(1)
        self._code += push(mask) + b"\x16"

    def _expression(self, depth: int) -> None:
        """One more word on the stack."""
        rng, kind = self._rng, self._rng.random()
        if depth == 0 or kind < 0.3:
            self._code += push(word(rng)) if rng.random() < 0.6 else bytes([rng.choice(PLAIN)])
        elif kind < 0.65:
            opcode, count = rng.choice(
                [(rng.choice(BINARY), 2), (rng.choice(TERNARY), 3), (rng.choice(UNARY), 1)]
            )
            for _ in range(count):
                self._expression(depth - 1)
            self._code.append(opcode)
        elif kind < 0.75:
            self._bounded(0xFF)
            self._bounded(0x1FF)
            self._code.append(0x20)
        elif kind < 0.8:
            self._expression(depth - 1)
            self._expression(depth - 1)
            self._code += b"\x81\x01\x90\x50"
        else:
            self._bounded(rng.choice([7, 0x1FF]))
            self._code.append(rng.choice([0x35, 0x51, 0x54, 0x54, 0x5C]))

    def _statements(self, count: int, depth: int, inside_function: bool = False) -> None:
        for _ in range(count):
            kind = self._rng.random()
            if depth and kind < 0.15:
                self._branch(depth)
            elif depth and kind < 0.3:
                self._loop(depth)
            elif kind < 0.4 and self._functions and not inside_function:
                self._function_call()
            elif kind < 0.5 and self._callees:
                self._call()
            else:
                self._effect()

    def _effect(self) -> None:
        rng = self._rng
        kind = rng.randrange(7)
        if kind <= 2:
            self._expression(3)
            self._bounded(7 if kind else 0x1FF)
            self._code.append((0x52, 0x55, 0x5D)[kind])
        elif kind == 3:
            topics = rng.randint(0, 4)
            for _ in range(topics):
                self._expression(2)
            self._bounded(0x3F)
            self._bounded(0x1FF)
            self._code.append(0xA0 + topics)
        elif kind == 4:
            for _ in range(3):
                self._bounded(0xFF)
            self._code.append(rng.choice([0x37, 0x39, 0x5E]))
        elif kind == 5:
            self._expression(3)
            self._bounded(0x1FF)
            self._code.append(0x53)
        else:
            self._expression(3)
            self._code.append(0x50)

    def _branch(self, depth: int) -> None:
        label = f"after{len(self._code)}"
        self._expression(2)
        self._push_label(label)
        self._code.append(0x57)
        self._statements(self._rng.randint(1, 3), depth - 1, inside_function=True)
        self._mark(label)

    def _loop(self, depth: int) -> None:
        label = f"loop{len(self._code)}"
        self._code += push(self._rng.randint(1, 6))
        self._mark(label)
        self._statements(self._rng.randint(1, 3), depth - 1, inside_function=True)
        self._code += b"\x60\x01\x90\x03\x80"
        self._push_label(label)
        self._code += b"\x57\x50"

    def _function_call(self) -> None:
        label = f"back{len(self._code)}"
        self._push_label(label)
        self._push_label(f"function{self._rng.randrange(self._functions)}")
        self._code.append(0x56)
        self._mark(label)

    def _call(self) -> None:
        """A call of any kind with a fixed gas allowance; its success goes to a slot."""
        opcode = self._rng.choice([0xF1, 0xF4, 0xFA])
        self._code += push(64) + push(32) + push(96) + push(0)
        if opcode == 0xF1:
            self._code += push(0)
        self._code += (
            b"\x73"
            + self._rng.choice(self._callees)
            + push(self._rng.choice([500, 30_000]))
            + bytes([opcode])
        )
        self._code += push(self._rng.randrange(8)) + b"\x55"
