"""The annotators whom this profile invited: names and public keys, never private ones."""

from __future__ import annotations

from datetime import UTC, datetime

from labeltui.domain.invitations import Invitation
from labeltui.session.history.database import Connection, Database


class InvitationHistory:
    """Stores an invitation until it is revoked, so that it can be installed on a later host."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[Invitation]:
        """Return every stored invitation. Empty if the history can't be read."""
        return await self._database.read(_all) or []

    def put(self, name: str, key: str, since: datetime) -> None:
        """Store an invitation, in place of an earlier one of that name."""
        row = (name, key, since.timestamp())
        self._database.write(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO invitations (name, public_key, since) VALUES (?, ?, ?)", row
            )
        )

    def remove(self, name: str) -> None:
        """Remove the invitation of a name."""
        self._database.write(
            lambda connection: connection.execute("DELETE FROM invitations WHERE name = ?", (name,))
        )


def _all(connection: Connection) -> list[Invitation]:
    rows = connection.execute("SELECT name, public_key, since FROM invitations ORDER BY name")
    return [Invitation(name, key, datetime.fromtimestamp(since, UTC)) for name, key, since in rows]
