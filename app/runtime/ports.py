"""Finding out about local ports before something is started on them."""

import errno
import socket


def why_not(host: str, port: int) -> str | None:
    """Why nothing can listen there, in a few words, or None if something can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        return "the host name is unknown"
    except OSError as error:
        return "already in use" if error.errno == errno.EADDRINUSE else (error.strerror or "refused").lower()
    return None


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
