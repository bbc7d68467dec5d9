"""What axe-core finds wrong for people who see, hear or move differently."""

from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = {"serious", "critical"}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults_of(page: Any) -> list[str]:
    """The serious and critical faults of a page as it is now, shadow trees included, a line for each rule."""
    # Evaluated from outside, so that the page's policy stays as strict as it is for everybody.
    page.evaluate(SCRIPT.read_text())
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", _TAGS)
    return [
        f"{fault['impact']}: {fault['id']}: {len(nodes)} times, as {nodes[0]['target']}: {nodes[0]['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in _GRAVE and (nodes := fault["nodes"])
    ]
