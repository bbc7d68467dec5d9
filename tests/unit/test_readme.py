"""The README and the pages under docs/ say what is so: settings, commands, files."""

import ast
import os
import re
import shlex
from pathlib import Path

import pytest

import main
from app import __version__
from app.config import Settings
from app.domain.events import EVENT_TYPES
from app.domain.notifications import REASONS, STATUSES
from channels.registry import channel_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
MOST_LINES = 420

_ROW = re.compile(r"^\| `([A-Z_]+|<CHANNEL>_[A-Z_]+|[A-Z_]+_<CHANNEL>)` \| (.*?) \|", re.MULTILINE)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|DEBUG|HOST|PORT")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(
    r"`((?:app|channels|tasks|tests|templates|translations|docs)/[\w./-]*|[\w-]+\.(?:py|md|txt|cfg|yaml))`"
)
_COMMAND = re.compile(r"python main\.py((?: [a-z][a-z-]*)*)")
_SUFFIXES = {"MAX_RETRIES", "RETRY_DELAY_SECONDS", "RETRY_PLAN"}


def documented() -> dict[str, str]:
    """The settings in README's table with the default it tells."""
    return dict(_ROW.findall(README))


def read_by_settings() -> set[str]:
    """The names that app/config looks up, as README writes them."""
    names = set()
    for path in (ROOT / "app" / "config").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value):
                names.add(node.value)
    names |= {f"<CHANNEL>_{suffix}" for suffix in _SUFFIXES} | {"RATE_LIMIT_PER_USER_<CHANNEL>"}
    return names - {"RETRY_PLAN"}


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.splitlines()) <= MOST_LINES


def test_every_setting_is_documented_and_nothing_else():
    assert set(documented()) == read_by_settings()


@pytest.mark.parametrize(("name", "told"), [(n, d) for n, d in documented().items() if d.startswith("`")])
def test_the_documented_default_is_the_default(name, told):
    assert Settings.load({name: told.strip("`")} | _needed(name)) == Settings.load(_needed(name))


def _needed(name: str) -> dict[str, str]:
    """What makes a value of the setting show, or be allowed."""
    return {"SMTP_HOST": "mail.example", "SMTP_FROM": "a@b.example"} if name in {"SMTP_USE_TLS", "SMTP_PORT"} else {}


def test_every_channel_event_type_and_state_is_mentioned():
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name for name in channel_names() if f"`{name.upper()}`" not in README] == []
    assert [name for name in EVENT_TYPES if f'"type": "{name}"' not in README] == []
    assert [status for status in STATUSES if f"`{status}`" not in operations] == []
    assert [r for reasons in REASONS.values() for r in reasons if f"`{r}`" not in operations] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    named = {name for name in _PATH.findall(page.read_text(encoding="utf-8")) if "<" not in name}
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_the_tree_in_the_readme_is_the_tree():
    block = README.partition("## The tree")[2].split("```")[1]
    named = {word for word in block.split() if re.fullmatch(r"(?:[a-z]+/)+|[a-z]+\.py", word)}
    assert {name for name in named if not (ROOT / name).exists()} == set()
    packages = {f"app/{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}
    assert packages - named <= {"app/cli/", "app/web/"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_commands_are_commands(page, capsys):
    for words in set(_COMMAND.findall(page.read_text(encoding="utf-8"))):
        command = shlex.split(words)[:1]
        with pytest.raises(SystemExit) as left:
            main.main([*command, "--help"])
        assert left.value.code == 0, command
    assert capsys.readouterr().err == ""


def test_the_version_is_the_newest_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)[0] == __version__


def test_the_way_to_run_everything_can_be_executed():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
