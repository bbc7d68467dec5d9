"""Which tests run side by side: those that share no server, two rows at a time."""

from xdist.scheduler import LoadScopeScheduling

SHARING, BUSY, LOOKING, OPERATING = "sharing", "busy", "looking", "operating"
ROWS = {
    # One product and one browser serve all of a row. These are the shortest, and the last to begin, side by side.
    "tests/browser/": LOOKING,
    "tests/browser/test_ops": OPERATING,
    "tests/browser/test_pref": OPERATING,
    # On the servers that are there once.
    "tests/browser/test_places.py": SHARING,
    "tests/integration/": SHARING,
    "tests/drills/test_drills.py::test_a_fleet_on_postgresql_and_rabbitmq": SHARING,
    "tests/contract/": BUSY,
    "tests/drills/": BUSY,
    # These have all servers to themselves, and make the rows about equally long.
    "tests/integration/test_fusion.py": BUSY,
    "tests/integration/test_supervisor.py": BUSY,
}
"""By the beginning of a test's id, of which the longest counts."""


def row_of(test: str) -> str:
    """The row of a test; what is in neither fills the time of the one that ends first, file by file."""
    beginnings = [beginning for beginning in ROWS if test.startswith(beginning)]
    return ROWS[max(beginnings, key=len)] if beginnings else test.partition("::")[0]


class Rows(LoadScopeScheduling):
    """Lets the tests of a row run one after the other, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        return row_of(nodeid)
