"""The yardstick: bare Celery with the product's own settings, and tasks that do nothing."""

import os

from celery import Celery, chain
from celery.canvas import Signature
from kombu import Queue

LANE = "bench"

app = Celery("yardstick")
app.config_from_object("celeryconfig")
# Bare means bare: not our consumer either, nor our transport, which celeryconfig gives everybody whose URL says redis.
app.conf.update(
    task_queues=[Queue(LANE)],
    task_default_queue=LANE,
    imports=(),
    broker_transport="kombu.transport.redis:Transport",
    worker_consumer="celery.worker.consumer:Consumer",
)


@app.task
def first(number: int) -> int:
    """Pass the number on."""
    return number


@app.task
def second(number: int) -> int:
    """Pass the number on."""
    return number


@app.task
def third(number: int) -> int:
    """Pass the number on."""
    return number


@app.task
def last(_number: int) -> None:
    """Leave a byte in the file that says how many are through."""
    descriptor = os.open(os.environ["BENCH_DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b".")
    os.close(descriptor)


def four(number: int) -> Signature:
    """A chain of four steps."""
    return chain(step.set(queue=LANE) for step in (first.s(number), second.s(), third.s(), last.s()))


def one(number: int) -> Signature:
    """A single task."""
    return last.s(number).set(queue=LANE)
