"""The servers that a fleet would share, when there are any here: Redis, PostgreSQL, RabbitMQ."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NoReturn

import psycopg
import pytest
from kombu import Connection, Queue
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.engine import make_url

from tasks.lanes import lanes

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1/postgres")
RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")


def redis_url(number: int = 9) -> str:
    """A database of the Redis, emptied; products that run at the same time need different ones."""
    url = f"{REDIS}/{number}"
    try:
        with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            client.flushdb()
    except RedisError as error:
        _missing("Redis", "TEST_REDIS_URL", error)
    return url


def rabbitmq_url() -> str:
    """A RabbitMQ whose lanes are empty."""
    try:
        with Connection(RABBITMQ, connect_timeout=3) as connection:  # type: ignore[no-untyped-call]
            channel = connection.channel()
            for lane in lanes():
                Queue(lane, channel=channel).delete()  # type: ignore[no-untyped-call]
    except connection_errors() as error:
        _missing("RabbitMQ", "TEST_RABBITMQ_URL", error)
    return RABBITMQ


@contextmanager
def place(store: str, broker: str, redis_number: int = 9) -> Iterator[dict[str, str]]:
    """The settings that put a product on `sqlite` or `postgresql`, and on `embedded`, `redis` or `rabbitmq`."""
    with ExitStack() as stack:
        settings = {}
        if broker != "embedded":
            settings["REDIS_URL"] = redis_url(redis_number)
        if broker == "rabbitmq":
            settings["CELERY_BROKER_URL"] = rabbitmq_url()
        if store == "postgresql":
            settings["DATABASE_URL"] = stack.enter_context(postgres_url())
        yield settings


def connection_errors() -> tuple[type[BaseException], ...]:
    """What it is when nobody listens there."""
    return (OSError, *Connection(RABBITMQ).connection_errors)  # type: ignore[no-untyped-call]


def postgres_server() -> str:
    """A PostgreSQL on which databases may be made."""
    try:
        psycopg.connect(POSTGRES, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        _missing("PostgreSQL", "TEST_POSTGRES_URL", error)
    return POSTGRES


@contextmanager
def postgres_url() -> Iterator[str]:
    """A fresh database, dropped after the block."""
    name = f"notifications_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server(), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(POSTGRES).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(POSTGRES, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _missing(what: str, variable: str, error: BaseException) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"no {what} at {variable}: {error}")
    pytest.skip(f"no {what} at {variable}")
