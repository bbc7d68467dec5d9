"""What a scrape of /metrics says."""

import re

_SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Scrape:
    """A scrape."""

    def __init__(self, text: str) -> None:
        self._samples = [
            (match["name"], dict(_LABEL.findall(match["labels"] or "")), float(match["value"]))
            for match in map(_SAMPLE.fullmatch, text.splitlines())
            if match
        ]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of all series of this name with these labels; KeyError when there is none."""
        values = [value for found, has, value in self._samples if found == name and labels.items() <= has.items()]
        if not values:
            raise KeyError(name, labels)
        return sum(values)
