"""Which tests run: the quick ones by default, those that start processes with --integration; those that are named."""

import gc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.rows import Rows

_ONLY_SLOW = pytest.StashKey[bool]()
SLOW_FOLDERS = {"browser": "integration", "contract": "integration", "integration": "integration", "drills": "drill"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --integration."""
    parser.addoption(
        "--integration", action="store_true", help="run what starts processes or talks to Redis, PostgreSQL, SMTP"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let generated examples take their time, since a busy machine is no fault.

    `--hypothesis-profile thorough` tries more of them.
    """
    settings.register_profile("quick", deadline=None, max_examples=40)
    settings.register_profile("thorough", deadline=None, max_examples=100)
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("quick")


@pytest.hookimpl(tryfirst=True)  # xdist reads what is set here
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Run two rows of tests side by side where none were named; a test that is named runs alone, with its output."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS or hasattr(config, "workerinput"):
        return
    # What a bare `pytest` runs has no need of being run again.
    config.stash[_ONLY_SLOW] = bool(config.getoption("--integration"))
    if config.option.numprocesses is None and not config.option.usepdb:
        config.option.numprocesses = 2


def pytest_configure_node(node: Any) -> None:
    """Tell each row what was chosen for all."""
    node.workerinput["only_slow"] = node.config.stash.get(_ONLY_SLOW, None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rows:
    """Keep together what may not run at the same time."""
    return Rows(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read a folder of which all would be left out."""
    only_slow = _only_slow(config)
    if only_slow is None or collection_path.parent != config.rootpath / "tests" or not collection_path.is_dir():
        return None
    return True if (collection_path.name in SLOW_FOLDERS) is not only_slow else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and leave the slow ones out unless they were asked for."""
    tests = Path(str(config.rootpath)) / "tests"
    for item in items:
        folder = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        if folder in SLOW_FOLDERS:
            item.add_marker(SLOW_FOLDERS[folder])
    chosen = bool(_only_slow(config))
    if config.getoption("--integration") and not chosen:
        return
    left_out = [item for item in items if _is_slow(item) is not chosen]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _is_slow(item) is chosen]


def pytest_collection_finish() -> None:
    """Let the collector of garbage leave alone what stays until the end: modules, and the tests themselves."""
    gc.collect()
    gc.freeze()


def _only_slow(config: pytest.Config) -> bool | None:
    """Whether a run of which nothing was named is one of the slow tests alone; None where something was named."""
    here = {"only_slow": config.stash.get(_ONLY_SLOW, None)}
    return getattr(config, "workerinput", here)["only_slow"]


def _is_slow(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("integration", "drill"))
