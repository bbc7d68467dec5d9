"""`send`: submit one event to the running API."""

import argparse
import json
import sys

import requests

from app import secret_files
from app.config import Settings
from app.runtime.faults import CannotStart
from app.runtime.product import local_url

TIMEOUT_SECONDS = 10


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Submit the event, print the answer, and answer 0 if it was accepted. Raises CannotStart if nobody is there."""
    key = settings.admin_api_key or secret_files.read(secret_files.admin_key_file(settings))
    if key is None:
        raise CannotStart("ADMIN_API_KEY: is not set, and no key was made yet; start `python main.py` first")
    try:
        data = json.loads(arguments.data)
    except ValueError as error:
        print(f"--data: must be JSON: {error}", file=sys.stderr)
        return 2
    event = {"type": arguments.type, "data": data} | ({"recipients": arguments.to} if arguments.to else {})
    url = f"{local_url(settings)}/events"
    try:
        answer = requests.post(
            url, json=event, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        raise CannotStart(f"nobody answers at {url} ({type(error).__name__}); is `python main.py` running?") from None
    print(answer.text)
    return 0 if answer.status_code == requests.codes.accepted else 1
