"""What one source says otherwise than another."""

from difflib import unified_diff

_MOST_LINES = 1_000
"""Above that comparing line by line may take minutes; then all of it counts as other."""


def difference(before: str, after: str, name_before: str, name_after: str) -> str:
    """The difference as people know it from version control; empty when there is none."""
    if before == after:
        return ""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MOST_LINES:
        lines = [
            f"--- {name_before}",
            f"+++ {name_after}",
            *(f"-{line}" for line in old),
            *(f"+{line}" for line in new),
        ]
    else:
        lines = list(unified_diff(old, new, name_before, name_after, lineterm=""))
    return "\n".join(lines) + "\n"
