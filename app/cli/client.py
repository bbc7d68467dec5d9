"""The running API, asked by a command on the same machine."""

from typing import Any

import requests

from app import secret_files
from app.config import Settings
from app.runtime.faults import CannotStart
from app.runtime.product import local_url

TIMEOUT_SECONDS = 10


class Client:
    """Asks with the admin's key. Raises CannotStart when there is no key yet, or nobody there."""

    def __init__(self, settings: Settings) -> None:
        key = settings.admin_api_key or secret_files.read(secret_files.admin_key_file(settings))
        if key is None:
            raise CannotStart("ADMIN_API_KEY: is not set, and no key was made yet; start `python main.py` first")
        self._url = local_url(settings)
        self._headers = {"Authorization": f"Bearer {key}"}

    def call(self, method: str, path: str, json: Any = None) -> requests.Response:
        """Ask, and give back whatever is answered."""
        url = self._url + path
        try:
            return requests.request(
                method, url, json=json, headers=self._headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CannotStart(
                f"nobody answers at {url} ({type(error).__name__}); is `python main.py` running?"
            ) from None

    def ask(self, method: str, path: str, json: Any = None) -> Any:
        """Ask, and give back the JSON of the answer; raises CannotStart for a refusal too."""
        answer = self.call(method, path, json)
        if not answer.ok:
            raise CannotStart(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()
