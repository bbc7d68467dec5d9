"""A way to a server that can freeze: connections stand, and nothing comes through any more."""

import socket
import threading
from typing import Self


class FreezingWay:
    """Listens on a free port of 127.0.0.1 and passes on what comes to a server and back. A context manager."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._in_background(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._listener.close()

    def freeze(self) -> None:
        """Let nothing through, in either direction."""
        self._open.clear()

    def thaw(self) -> None:
        """Let through what has come meanwhile, and what comes from now on."""
        self._open.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._in_background(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        self._open.wait()
        server = socket.create_connection(self._server)
        self._in_background(self._pass_on, client, server)
        self._pass_on(server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self._open.wait()
                target.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            target.close()

    @staticmethod
    def _in_background(work: object, *args: object) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()  # type: ignore[arg-type]  # one of the above
