"""The cost of each session on a rented pod."""

from __future__ import annotations

import json

from labeltui.domain.pod.spending import SessionCost
from labeltui.session.history.database import Connection, Database

MAX_STORED = 1000


class CostHistory:
    """Stores the newest 1000 sessions. Each is stored once, however many processes watch its pod."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[SessionCost]:
        """Return every stored session, the one that was observed last at the end."""
        return await self._database.read(_all) or []

    def put(self, cost: SessionCost) -> None:
        """Store a session, unless another process has observed its pod later."""
        self._database.write(lambda connection: _put(connection, cost))


def _put(connection: Connection, cost: SessionCost) -> None:
    connection.execute(
        "INSERT INTO costs (pod_id, began, at, document) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (pod_id, began) DO UPDATE SET at = excluded.at, document = excluded.document"
        " WHERE excluded.at >= costs.at",
        (cost.pod_id, cost.began.timestamp(), cost.at.timestamp(), json.dumps(cost.document())),
    )
    connection.execute(
        "DELETE FROM costs WHERE id IN (SELECT id FROM costs ORDER BY at DESC LIMIT -1 OFFSET ?)",
        (MAX_STORED,),
    )


def _all(connection: Connection) -> list[SessionCost]:
    found = []
    for (document,) in connection.execute("SELECT document FROM costs ORDER BY at"):
        try:
            cost = SessionCost.of_document(json.loads(document))
        except ValueError:
            continue
        if cost is not None:
            found.append(cost)
    return found
