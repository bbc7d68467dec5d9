"""The processes of a running product that tests kill."""

from urllib.parse import urlsplit

from tests.drills.processes import Process, children
from tests.integration.product import Product, eventually
from tests.integration.story import broker_url


def api_worker(product: Product) -> Process:
    """The process in which gunicorn serves."""
    (worker,) = children(product.child("api").pid)
    return worker


def broker(product: Product) -> Process:
    """The embedded broker, which shows its address in place of its command line once it runs."""
    assert product.process is not None
    main, address = product.process.pid, urlsplit(broker_url(product)).netloc.rpartition("@")[2]
    found = eventually(lambda: [one for one in children(main) if any(address in word for word in one.words)])
    return found[0]


def relay(product: Product) -> Process:
    """The relay."""
    return product.child("relay")
