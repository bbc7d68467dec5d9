"""What runs side by side shares no server."""

import re
from pathlib import Path

import pytest

from tests.rows import BUSY, LOOKING, OPERATING, ROWS, SHARING, row_of

ROOT = Path(__file__).parents[2]
SHARED = re.compile(r"redis_url\(\)|rabbitmq_url|\bplace\(\*|on_its_own|def test_\w+\([^)]*\bproduct\b")
OWN_PRODUCT = re.compile(r"^def product\(|^    def product\(", re.MULTILINE)


@pytest.mark.parametrize(
    ("test", "row"),
    [
        ("tests/integration/test_chat.py::test_x[postgresql, redis]", SHARING),
        ("tests/integration/test_erasure.py::test_x", SHARING),
        ("tests/drills/test_drills.py::test_nothing_accepted_is_lost[D1]", BUSY),
        ("tests/drills/test_drills.py::test_a_fleet_on_postgresql_and_rabbitmq_that_goes", SHARING),
        ("tests/contract/test_relay.py::test_x[sqlite]", BUSY),
        ("tests/browser/test_ops_acts.py::test_x[en]", OPERATING),
        ("tests/browser/test_history.py::test_x", LOOKING),
        ("tests/browser/test_places.py::test_x", SHARING),
        ("tests/unit/test_ids.py::test_x[::]", "tests/unit/test_ids.py"),
    ],
)
def test_the_longest_beginning_counts(test, row):
    assert row_of(test) == row


@pytest.mark.parametrize("beginning", ROWS)
def test_every_beginning_is_there(beginning):
    path, _, name = beginning.partition("::")
    assert list(ROOT.glob(f"{path}*"))
    assert f"def {name}" in (ROOT / path).read_text() if name else True


@pytest.mark.parametrize("file", sorted(path for path in ROWS if path.endswith(".py") and ROWS[path] == BUSY))
def test_what_left_the_sharing_row_uses_nothing_that_is_shared(file):
    source = (ROOT / file).read_text()
    assert OWN_PRODUCT.search(source) or not SHARED.search(source)
    assert "servers import" not in source
