"""A supervisor in a process of its own, over small scripts: `python -m tests.fakes.supervised SPEC [SPEED]`.

SPEC is a JSON list of {"name", "script" or "command", "start_turn", "stop_turn", "once", "stop_signals", "silent"}. One
that is silent is said not to work in its first life, as soon as it is ready. At SPEED 10 the supervisor counts ten
seconds while one passes.
"""

import json
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from app.runtime.child import WARM_THEN_COLD, Component
from app.runtime.console import Console
from app.runtime.supervisor import Supervisor

READY_LINE = '{"message": "component_ready"}'


def _component(spec: dict[str, Any]) -> Component:
    signals = tuple((after, signal.Signals[name]) for after, name in spec.get("stop_signals", ()))
    return Component(
        spec["name"],
        spec.get("command") or (sys.executable, "-u", "-c", spec["script"]),
        start_turn=spec.get("start_turn", 0),
        stop_turn=spec.get("stop_turn", 0),
        once=spec.get("once", False),
        beats="silent" in spec,
        stop_signals=signals or WARM_THEN_COLD,
    )


def main() -> int:
    """Run what the command line asks for."""
    console = Console(sys.stdout)
    specs, speed = json.loads(sys.argv[1]), float(*sys.argv[2:] or [1])
    accused: dict[str, int] = {}

    def silent(running: Mapping[str, int]) -> dict[str, str]:
        fresh = {name: pid for name, pid in running.items() if name not in accused}
        accused.update(fresh)
        return {spec["name"]: "says the test" for spec in specs if spec.get("silent") and spec["name"] in fresh}

    try:
        return Supervisor(
            [_component(spec) for spec in specs],
            console,
            all_ready=lambda: console.say("main", "ready", "all ready"),
            silent=silent,
            now=lambda: time.monotonic() * speed,
        ).run()
    finally:
        console.close()


if __name__ == "__main__":
    sys.exit(main())
