"""Few lists have their texts written at a time, so that the first is on its way before the last is written."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own, since an app that has read its settings keeps them. Two lists at a time wait for each other:
# fewer would never end, and more would be seen.
WRITE = """
import threading
from types import SimpleNamespace
from tasks.app import app
from tasks.pipeline import render
from tests.fakes.at_once import at_once

lock, pair, now, most = threading.Lock(), threading.Barrier(2, timeout=10), [0], [0]

def write(ids):
    with lock:
        now[0] += 1
        most[0] = max(most[0], now[0])
    pair.wait()
    with lock:
        now[0] -= 1
    return list(ids)

app.services = lambda: SimpleNamespace(pipeline=SimpleNamespace(render=write))
app.finalize()
assert at_once(8, lambda number: render.run([f"ntf_{number}"])) == [[f"ntf_{number}"] for number in range(8)]
print(most[0])
"""


def test_two_lists_are_written_at_a_time(tmp_path):
    environ = {"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0", "PATH": ""}
    command = [sys.executable, "-c", WRITE]
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert told.stdout == "2\n", told.stderr
