"""The whole product with nothing to do: what it has in memory."""

import tempfile
import time
from pathlib import Path

from tests.benchmarks.aims import Figure
from tests.benchmarks.costs import pss_megabytes
from tests.benchmarks.sample import Sample
from tests.benchmarks.whole import whole_product
from tests.fakes.ports import free_port

NAME, TITLE, SECONDS = "idle", "whole product idle", 20.0
_SETTLE_SECONDS = 12.0


def idle(postgres: str | None) -> tuple[Sample, dict[str, float]]:
    """Start all parts, with Flower, and look after a while; also what each of them has, in MB."""
    environ = {"FLOWER_PORT": str(free_port())}
    with (
        tempfile.TemporaryDirectory(prefix="im2-idle-") as folder,
        whole_product(Path(folder) / "rig", postgres=postgres, environ=environ) as whole,
    ):
        time.sleep(_SETTLE_SECONDS)
        by_part = {name: pss_megabytes(pids) for name, pids in whole.parts().items()}
        return Sample(0, {Figure.IDLE_PSS: pss_megabytes(whole.everybody())}), by_part
