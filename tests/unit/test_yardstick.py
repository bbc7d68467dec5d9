"""What the product is measured against is Celery as it comes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = """
from tests.benchmarks.noop import app
print(app.connection_for_write().get_transport_cls().__module__, app.conf.worker_consumer.partition(":")[0])
"""


def test_the_yardstick_has_neither_our_transport_nor_our_consumer(tmp_path):
    environ = {"DATA_DIR": str(tmp_path), "REDIS_URL": "redis://127.0.0.1:1/0", "PATH": ""}
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["kombu.transport.redis", "celery.worker.consumer"]
