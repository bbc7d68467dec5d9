"""docs/walk.sh sees every route there is, and each of them as it should be."""

import re
import subprocess

from tests.integration.product import ROOT, Product, clean_environment

_STEP = re.compile(r"^[✓✗] \d+ ([A-Z]+) +(\S+)", re.MULTILINE)


def test_the_walk_sees_every_route_and_nothing_odd(product: Product):
    done = subprocess.run(
        ["bash", "docs/walk.sh", product.url],  # noqa: S607 - the reader's own shell
        cwd=ROOT,
        env=clean_environment(DATA_DIR=str(product.data_dir)),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    seen = {(method, path.partition("?")[0]) for method, path in _STEP.findall(done.stdout)}
    routes = [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)))
        for path, methods in product.get("/openapi.json")["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    assert [
        (method, rule.pattern)
        for method, rule in routes
        if not any(asked == method and rule.fullmatch(path) for asked, path in seen)
    ] == []
