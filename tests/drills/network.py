"""Hosts of one machine: network namespaces on a bridge, with cables that can be pulled."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Self

_FIRST_HOST, _FIRST_RECEIVER, _LAST = 11, 101, 250


class NoNetwork(Exception):
    """Such a network cannot be made here, and why."""


class Network:
    """A bridge with an address of its own, and a namespace behind a cable for each host. A context manager."""

    def __init__(self, hosts: Sequence[str], receivers: int) -> None:
        """`receivers` more addresses are on the bridge, each of which is a receiver's. Raises NoNetwork."""
        tool = shutil.which("ip")
        if tool is None:
            raise NoNetwork("it takes iproute2: apt-get install iproute2")
        if os.geteuid() != 0:
            raise NoNetwork("it takes root, to make network namespaces")
        self._tool = tool
        self._name = f"im2{secrets.token_hex(3)}"
        self._prefix = f"10.213.{secrets.randbelow(256)}"
        self._hosts = tuple(hosts)
        self._cleanup = ExitStack()
        self.address = f"{self._prefix}.1"
        self.block = f"{self._prefix}.0/24"
        self.receivers = [f"{self._prefix}.{_FIRST_RECEIVER + number}" for number in range(receivers)]
        assert _FIRST_RECEIVER + receivers <= _LAST

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            self._ip("link", "add", self._name, "type", "bridge")
            cleanup.callback(self._ip, "link", "delete", self._name)
            for address in (self.address, *self.receivers):
                self._ip("address", "add", f"{address}/24", "dev", self._name)
            self._ip("link", "set", self._name, "up")
            for number, host in enumerate(self._hosts):
                self._ip("netns", "add", self._space(host))
                cleanup.callback(self._ip, "netns", "delete", self._space(host))
                outer = self._cable(host)
                self._ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", self._space(host))
                self._ip("link", "set", outer, "master", self._name, "up")
                inside = ("-n", self._space(host))
                self._ip(*inside, "address", "add", f"{self._prefix}.{_FIRST_HOST + number}/24", "dev", "eth0")
                for device in ("lo", "eth0"):
                    self._ip(*inside, "link", "set", device, "up")
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def address_of(self, host: str) -> str:
        """Where a host is reached."""
        return f"{self._prefix}.{_FIRST_HOST + self._hosts.index(host)}"

    def on(self, host: str) -> list[str]:
        """What goes before a command so that it runs on that host, which is also called so."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]
        return [self._tool, "netns", "exec", self._space(host), *named]

    def cut(self, host: str) -> None:
        """Pull its cable: nobody is told, packets just get lost."""
        self._ip("link", "set", self._cable(host), "down")

    def mend(self, host: str) -> None:
        """Put it in again."""
        self._ip("link", "set", self._cable(host), "up")

    def _space(self, host: str) -> str:
        return f"{self._name}-{host}"

    def _cable(self, host: str) -> str:
        return f"{self._name}v{self._hosts.index(host)}"

    def _ip(self, *words: str) -> None:
        done = subprocess.run((self._tool, *words), check=False, capture_output=True, text=True)
        if done.returncode:
            raise NoNetwork(f"ip {' '.join(words)}: {done.stderr.strip()}")
