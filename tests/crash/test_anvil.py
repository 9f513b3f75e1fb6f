"""The crash matrix once more over anvil, which forgets all when it dies: the journal makes it again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.chain.networks import anvil_binary
from tests.crash.conftest import opened
from tests.crash.points import POINTS
from tests.crash.shopping import Shopping
from tests.crash.test_matrix import die_and_come_back

pytestmark = pytest.mark.skipif(anvil_binary() is None, reason="no anvil is installed")
# The chain's own points are lines of the project's chain.
_OTHERS = [point for point in POINTS if not point.startswith("chain:")]
_FEW = ("bridge:before-noted", "bridge:mid-index")
KILLS = 3


@pytest.fixture(scope="module")
def on_anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopping]:
    """Over a SQLite file and anvil."""
    with opened(tmp_path_factory.mktemp("alliance"), anvil=True) as made:
        yield made


@pytest.mark.parametrize(
    "point", [point if point in _FEW else pytest.param(point, marks=pytest.mark.deep) for point in _OTHERS]
)
def test_a_process_killed_at_a_named_line_loses_nothing_over_anvil(on_anvil: Shopping, point: str) -> None:
    die_and_come_back(on_anvil, point)


def test_anvil_killed_under_load_comes_back_empty_and_is_made_again(on_anvil: Shopping) -> None:
    product = on_anvil.product
    with on_anvil.buying():
        for _ in range(KILLS):
            time.sleep(1)
            product.kill("chain")
            product.start("chain")
    on_anvil.assert_sound()
