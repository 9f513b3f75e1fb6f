"""What generated code calls: storage, hashing and memory opcodes on integers, with their gas.

Each follows the same rule as py-evm's opcode of the same name; `tests/chain/node/test_traces.py` runs both
side by side.
"""

from __future__ import annotations

from typing import Any

from eth.exceptions import FullStack, InsufficientStack, OutOfGas, WriteProtection
from sha3 import keccak_256

COLD_SLOT, WARM_SLOT = 2_100, 100
SSTORE_SET, SSTORE_RESET, SSTORE_CLEARS = 20_000, 2_900, 4_800
SSTORE_SENTRY = 2_300
KECCAK_WORD = 6
SIGN = 1 << 255
WORD = (1 << 256) - 1


def stack_fault(height: int, needed: int) -> None:
    """Never returns: the stack is too low or too high for the code ahead."""
    if height < needed:
        raise InsufficientStack(f"wanted {needed} stack items, had {height}")
    raise FullStack("stack limit reached")


def out_of_gas() -> None:
    """Never returns."""
    raise OutOfGas("out of gas")


def consume(meter: Any, amount: int) -> None:
    """The gas is taken from the meter."""
    left = meter.gas_remaining - amount
    if left < 0:
        out_of_gas()
    meter.gas_remaining = left


def sload(computation: Any, slot: int) -> int:
    """SLOAD (EIP-2929)."""
    address = computation.msg.storage_address
    world = computation.state.world
    if world.is_storage_warm(address, slot):
        consume(computation._gas_meter, WARM_SLOT)
    else:
        world.mark_storage_warm(address, slot)
        consume(computation._gas_meter, COLD_SLOT)
    value: int = world.get_storage(address, slot)
    return value


def sstore(computation: Any, slot: int, value: int) -> None:
    """SSTORE (EIP-2200, 2929, 3529)."""
    if computation.msg.is_static:
        raise WriteProtection("cannot modify state while inside of a STATICCALL context")
    meter = computation._gas_meter
    if meter.gas_remaining <= SSTORE_SENTRY:
        out_of_gas()
    address = computation.msg.storage_address
    world = computation.state.world
    cost = 0
    if not world.is_storage_warm(address, slot):
        world.mark_storage_warm(address, slot)
        cost = COLD_SLOT
    current = world.get_storage(address, slot)
    if current == value:
        consume(meter, cost + WARM_SLOT)
        return
    original = world.get_storage(address, slot, False)
    if original == current:
        consume(meter, cost + (SSTORE_RESET if original else SSTORE_SET))
    else:
        consume(meter, cost + WARM_SLOT)
    meter.gas_refunded += sstore_refund(original, current, value)
    world.set_storage(address, slot, value)


def sstore_refund(original: int, current: int, value: int) -> int:
    """Gas to refund (may be negative) when `current`, not equal to `value`, is overwritten."""
    if original == current:
        return SSTORE_CLEARS if original and not value else 0
    refund = 0
    if original:
        refund += SSTORE_CLEARS * ((not value) - (not current))
    if original == value:
        refund += (SSTORE_RESET if original else SSTORE_SET) - WARM_SLOT
    return refund


def keccak(computation: Any, start: int, size: int) -> int:
    """KECCAK256 of memory."""
    memory = computation._memory
    if start + size > len(memory._bytes):
        computation.extend_memory(start, size)
    consume(computation._gas_meter, KECCAK_WORD * ((size + 31) // 32))
    return int.from_bytes(keccak_256(memory._bytes[start : start + size]).digest(), "big")


def mload(computation: Any, start: int) -> int:
    """MLOAD."""
    memory = computation._memory
    if start + 32 > len(memory._bytes):
        computation.extend_memory(start, 32)
    return int.from_bytes(memory._bytes[start : start + 32], "big")


def mstore(computation: Any, start: int, value: int) -> None:
    """MSTORE."""
    memory = computation._memory
    if start + 32 > len(memory._bytes):
        computation.extend_memory(start, 32)
    memory._bytes[start : start + 32] = value.to_bytes(32, "big")


def word(data: bytes, start: int) -> int:
    """32 bytes of calldata from `start`, zero-filled."""
    return int.from_bytes(data[start : start + 32].ljust(32, b"\0"), "big")


def signed(value: int) -> int:
    """The two's complement reading of a word."""
    return value - (1 << 256) if value & SIGN else value


def sdiv(left: int, right: int) -> int:
    """SDIV: truncates toward zero."""
    if not right:
        return 0
    a, b = signed(left), signed(right)
    quotient = abs(a) // abs(b)
    return (quotient if (a < 0) == (b < 0) else -quotient) & WORD


def smod(left: int, right: int) -> int:
    """SMOD: takes the dividend's sign."""
    if not right:
        return 0
    a, b = signed(left), signed(right)
    rest = abs(a) % abs(b)
    return (-rest if a < 0 else rest) & WORD


def signextend(size: int, value: int) -> int:
    """SIGNEXTEND from byte `size`."""
    if size > 30:
        return value
    bit = 8 * size + 7
    low = value & ((1 << (bit + 1)) - 1)
    return low | (WORD - ((1 << (bit + 1)) - 1)) if value >> bit & 1 else low


def sar(shift: int, value: int) -> int:
    """SAR."""
    number = signed(value)
    return (number >> shift) & WORD if shift < 256 else (WORD if number < 0 else 0)
