"""A name server under a test's control."""

from collections.abc import Sequence
from ipaddress import ip_address

from channels.sockets import Address


class Names:
    """Answers each question with the next of its answers, and all that follow with the last; counts the questions."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[Address]:
        """The addresses of whatever name it is asked for."""
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return [ip_address(address) for address in answer]
