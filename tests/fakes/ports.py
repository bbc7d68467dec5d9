"""Ports for servers that are started a moment later."""

import secrets

from app.runtime.ports import why_not

_LOWEST, _HIGHEST = 10_000, 32_000


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now.

    It is below those that a system hands out by itself, so that nobody is given it before the server has it.
    """
    while True:
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if why_not("127.0.0.1", port) is None:
            return port
