"""What the database intends to do with the queries we really send."""

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import event, text

from app.store.engine import Database

QUESTIONS = ("SELECT", "WITH")
CHANGES = ("UPDATE", "DELETE")


def plans_of(database: Database, act: Callable[[], object], verbs: tuple[str, ...] = QUESTIONS) -> list[str]:
    """The plan of every statement with one of these verbs that `act` sends, in order, as the database words it.

    By default these are the SELECTs, WITH or not.

    PostgreSQL is told to leave sequential scans out: on a handful of rows they are cheaper than any index, and the
    question is whether an index could serve.
    """
    sent: list[tuple[str, Any]] = []
    # The announcer has a thread of its own, and asks when it likes.
    ours = threading.get_ident()

    def note(_conn: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if threading.get_ident() == ours and statement.lstrip().upper().startswith(verbs):
            # Of one that is executed for many rows, the first row will do.
            sent.append((statement, parameters[0] if isinstance(parameters, list) else parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    with database.write() as conn:
        if database.is_sqlite:
            return [
                "\n".join(row[-1] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))
                for statement, parameters in sent
            ]
        for way in ("seqscan", "bitmapscan", "sort"):
            conn.execute(text(f"SET LOCAL enable_{way} = off"))
        return [
            "\n".join(row[0] for row in conn.exec_driver_sql(f"EXPLAIN {statement}", parameters))
            for statement, parameters in sent
        ]
