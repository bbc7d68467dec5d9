"""Sealing within one transaction, for tests that only want sealed entries."""

from sqlalchemy import Connection

from app.store import audit_seal


def seal(conn: Connection, limit: int = 1000) -> int:
    """Seal up to so many entries; how many they were."""
    links = audit_seal.next_links(conn, limit)
    assert not links or audit_seal.add(conn, links)
    return len(links)
