"""What a block's header says about who logged in it."""

from __future__ import annotations

from eth_bloom import BloomFilter

from ledger_service.chain.answers import Block


def block_with(bloom: bytes) -> Block:
    return Block(1, bytes(32), bytes(32), 0, (), 0, bloom)


def test_the_bloom_filter_knows_who_logged() -> None:
    addresses = [bytes([n]) * 20 for n in range(1, 60)]
    for address in addresses:
        bloom = BloomFilter.from_iterable([address, b"topic"])
        block = block_with(int(bloom).to_bytes(256, "big"))
        assert block.may_hold_logs_of([b"\xff" * 20, address])
    assert not block_with(bytes(256)).may_hold_logs_of(addresses)


def test_without_a_filter_everybody_may_have_logged() -> None:
    assert block_with(b"").may_hold_logs_of([bytes(20)])
