"""What a till knows of the time: the service's, carried on by the steady clock; after a restart little."""

from __future__ import annotations

import pytest

from ledger_service.till.clocks import Clocks, Contact, read_clock, time_of_sale
from ledger_service.till.refusals import TillRefused

CONTACT = Contact(1_800_000_000, 500, "a")


def clocks(wall: int, steady: int, boot: str) -> Clocks:
    return Clocks(lambda: wall, lambda: steady, lambda: boot)


@pytest.mark.parametrize("off", [-3_600, 0, 3_600])
def test_within_a_boot_the_wall_clock_does_not_matter(off: int) -> None:
    reading = read_clock(clocks(1_800_000_100 + off, 600, "a"), CONTACT)
    assert (reading.now, reading.trusted, reading.wall_off) == (1_800_000_100, True, off)
    assert reading.wall_is_wrong == (off != 0)


def test_after_a_restart_the_wall_clock_is_believed_unless_it_stands_before_the_contact() -> None:
    reading = read_clock(clocks(1_800_009_000, 7, "b"), CONTACT)
    assert (reading.now, reading.trusted) == (1_800_009_000, False)
    with pytest.raises(TillRefused, match="till-clock-wrong"):
        read_clock(clocks(1_800_000_000 - 121, 7, "b"), CONTACT)


def test_without_any_contact_the_wall_clock_is_all_there_is() -> None:
    assert not read_clock(clocks(5, 7, "b"), None).trusted


def test_a_sale_is_dated_again_only_where_it_was_far_off_and_in_the_same_boot() -> None:
    assert time_of_sale(CONTACT, 400, "a", 1_800_003_500) == 1_799_999_900
    assert time_of_sale(CONTACT, 400, "a", 1_799_999_990) == 1_799_999_990
    assert time_of_sale(CONTACT, 400, "b", 1_800_003_500) == 1_800_003_500
