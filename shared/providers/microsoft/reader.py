"""Graph's records as events of ours, as much of them as the connection lets us read; and which of them are our copies.

One `Reader` lives as long as a session: it remembers the copies that the session has met.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.model import Change, Privacy, RemoteEvent, Removed, Unreadable
from shared.providers.microsoft import convert
from shared.providers.microsoft.records import unreadable
from shared.providers.microsoft.wire import Json


class Reader:
    """With busy-only `privacy` no event's text is read."""

    def __init__(self, privacy: Privacy) -> None:
        self.privacy = privacy
        self._made: dict[str, str] = {}
        """Remote id → `transactionId`, of the copies of ours that were met."""

    def read(self, raw: Json, occurrences: Sequence[Json] = ()) -> RemoteEvent:
        """The event, with occurrences that were read on their own. Raises `EventRejected` if it makes no sense."""
        self.note(raw)
        try:
            return convert.read_event(raw, privacy=self.privacy, occurrences=list(occurrences))
        except convert.UNREADABLE:
            raise unreadable() from None

    def change(self, raw: Json) -> Change:
        """What a record says when it comes up in a listing of changes."""
        remote_id = str(raw["id"]) if raw.get("id") else ""
        if convert.is_cancelled(raw):
            return Removed(remote_id)
        self.note(raw)
        try:
            return convert.read_event(raw, privacy=self.privacy)
        except convert.UNREADABLE as error:
            return Unreadable(remote_id, f"The event could not be read: {type(error).__name__}.")

    def note(self, raw: Json) -> None:
        if convert.is_ours(raw) and raw.get("id"):
            self._made[str(raw["id"])] = str(raw["transactionId"])

    def owns(self, key: str, remote_id: str) -> bool:
        """Whether a copy that was met was made for `key`."""
        return self._made.get(remote_id) in set(convert.transaction_ids(key))
