"""Readers with a stream each, in a process of their own that can be killed: `stream_clients.py HOST PORT`.

Standard input has a line with the path of each stream; what arrives is written as a line of JSON with its moment.
"""

import asyncio
import json
import sys
import time


async def follow(host: str, port: int, path: str) -> None:
    """Open a stream, say so, and tell each item that arrives."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n".encode())
    status = await reader.readline()
    tell({"opened": int(status.split()[1])})
    is_item = False
    while line := await reader.readline():
        if line.startswith(b"event:"):
            is_item = line.strip() == b"event: notification"
        elif line.startswith(b"data:") and is_item:
            item = json.loads(line.partition(b":")[2])
            tell({"delivered": item["created_at"], "arrived": time.time()})


def tell(said: dict[str, object]) -> None:
    """Write a line, at once."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def main(host: str, port: int, paths: list[str]) -> None:
    """Follow all of them until this process is ended."""
    await asyncio.gather(*(follow(host, port, path) for path in paths))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.stdin.read().split()))
