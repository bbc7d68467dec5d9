"""The links in mails that the product wrote as files."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from urllib.parse import urlsplit

from tests.integration.product import Product, eventually


def link(product: Product, address: str, kind: str) -> str:
    """The path of the newest link of a kind (`/unsubscribe/`, `/ui/verify/`) in a mail to an address."""
    return eventually(lambda: _newest(product, address, kind))


def _newest(product: Product, address: str, kind: str) -> str:
    files = sorted((product.data_dir / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        mail = message_from_bytes(file.read_bytes(), policy=default)
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain",))
        if address in str(mail["To"]) and body and (found := re.search(rf"http\S+{kind}\S+", body.get_content())):
            return urlsplit(found[0]).path
    return ""
