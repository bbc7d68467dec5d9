"""README's shell blocks with curl in them are run as they are written, against a product that was just started."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.domain.events import EVENT_TYPES
from tests.integration.product import ROOT, Product, clean_environment, eventually

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTED_URL = "http://127.0.0.1:8000"
BLOCKS = [block for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL) if "curl " in block]
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# curl is made to fail on answers other than 2xx; the rest is the reader's shell.
PRELUDE = "set -euo pipefail\ncurl() { command curl --fail-with-body --silent --show-error \"$@\"; printf '\\n'; }\n"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with Product(tmp_path_factory.mktemp("readme")) as product:
        yield product


@pytest.fixture(scope="module")
def folder(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader stands: main.py, and the data directory under its default name."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "main.py").symlink_to(ROOT / "main.py")
    (folder / "var").symlink_to(product.data_dir)
    return folder


def run(script: str, folder: Path, product: Product) -> str:
    done = subprocess.run(
        ["bash", "-c", PRELUDE + script.replace(DOCUMENTED_URL, product.url)],  # noqa: S607 - the reader's own shell
        cwd=folder,
        env=clean_environment(PORT=str(product.port), FLOWER_PORT="0"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_runs_as_written(block, folder, product):
    out = run(block, folder, product)
    assert out.count("\n") >= block.count("curl -s")


def test_every_event_type_was_accepted(folder, product):
    events = next(block for block in BLOCKS if "quota.approaching" in block)
    out = run(events, folder, product)
    assert out.count('"status":"accepted"') == len(EVENT_TYPES)


def test_the_send_command_runs_as_written(folder, product):
    (command,) = re.findall(r"`(python main\.py send [^`]*)`", README)
    out = run(command.replace("python", sys.executable, 1), folder, product)
    assert '"status":"accepted"' in out


def test_the_stream_command_runs_as_written(folder, product):
    (command,) = re.findall(r"`(curl -N [^`]*)`", README)
    # It would go on for ever: curl is told to stop, and says so by its exit code.
    out = run(command.replace("curl -N", "curl -N --max-time 3") + " || test $? = 28", folder, product)
    assert "event: unread\n" in out


def test_the_task_is_sent_as_written(folder, product):
    (program,) = (block for block in PYTHON_BLOCKS if "send_task" in block)
    url = (product.data_dir / "broker.url").read_text().strip()
    subprocess.run(
        [sys.executable, "-c", program.replace("redis://…", url)], cwd=folder, env=clean_environment(), check=True
    )
    eventually(lambda: [one for one in product.history("u-17") if one["subject_key"] == "j-7"])


def test_the_python_that_checks_a_signature_compiles():
    for block in PYTHON_BLOCKS:
        compile(block, "README.md", "exec")


def test_nothing_in_the_readme_is_about_this_machine():
    assert str(Path.home()) not in README
    assert os.fspath(ROOT) not in README
