"""What a browser complains about while a test looks at a page: errors, and what the content policy forbade."""

import re
from typing import Any

_REPORTS_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy: ${event.effectiveDirective} forbade ${event.blockedURI} in ${event.sourceFile}`);
});
"""


class Faults:
    """Collects the complaints of pages; a test with one that it has not forgiven fails at its end."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._forgiven: list[re.Pattern[str]] = []

    def watch(self, context: Any) -> None:
        """Listen to all pages of a browser context, those to come too."""
        context.add_init_script(_REPORTS_VIOLATIONS)
        context.on("console", lambda said: said.type == "error" and self._note(said.text, said.location.get("url", "")))
        context.on("weberror", lambda error: self._note(str(error.error), "uncaught"))

    def forgive(self, pattern: str) -> None:
        """Expect complaints that match, as `Failed to load resource` where a test takes the service away."""
        self._forgiven.append(re.compile(pattern))

    @property
    def unforgiven(self) -> list[str]:
        """What is left to complain about."""
        return [one for one in self._found if not any(pattern.search(one) for pattern in self._forgiven)]

    def _note(self, text: str, where: str) -> None:
        self._found.append(f"{text} ({where})")
