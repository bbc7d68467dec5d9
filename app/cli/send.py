"""`send`: submit one event to the running API."""

import argparse
import json
import sys

import requests

from app.cli.client import Client
from app.config import Settings


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Submit the event, print the answer, and answer 0 if it was accepted. Raises CannotStart if nobody is there."""
    client = Client(settings)
    try:
        data = json.loads(arguments.data)
    except ValueError as error:
        print(f"--data: must be JSON: {error}", file=sys.stderr)
        return 2
    event = {"type": arguments.type, "data": data} | ({"recipients": arguments.to} if arguments.to else {})
    answer = client.call("POST", "/events", event)
    print(answer.text)
    return 0 if answer.status_code == requests.codes.accepted else 1
