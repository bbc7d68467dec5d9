"""What axe-core finds wrong for people who see, hear or move differently."""

from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ["serious", "critical"]
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


# Only what is wrong is described and comes back: nobody reads the rest, and to describe it takes longest.
_JUDGE = """async ([within, tags, grave]) => {
  const found = await axe.run(within ?? document, { runOnly: tags, resultTypes: ['violations'] });
  return found.violations.filter((fault) => grave.includes(fault.impact)).map(({ impact, id, nodes }) => ({
    impact, id, times: nodes.length, target: nodes[0].target, summary: nodes[0].failureSummary,
  }));
}"""


def faults_of(page: Any, within: str | None = None) -> list[str]:
    """The serious and critical faults of a page as it is now, shadow trees included, a line for each rule.

    `within` is a selector where only a part of it is to be looked at.
    """
    # Evaluated from outside, so that the page's policy stays as strict as it is for everybody.
    page.evaluate(SCRIPT.read_text())
    return [
        "{impact}: {id}: {times} times, as {target}: {summary}".format_map(fault)
        for fault in page.evaluate(_JUDGE, [within, _TAGS, _GRAVE])
    ]
