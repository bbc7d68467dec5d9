"""What is there when a part is ready is not looked at again."""

import subprocess
import sys

ASK = """
import gc
from app.runtime.settling import settle_in
kept = [[] for _ in range(1000)]
settle_in()
print(gc.get_freeze_count() >= 1000, len(gc.get_objects()) < 1000)
"""


def test_the_collector_leaves_alone_what_is_there():
    told = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["True", "True"]
