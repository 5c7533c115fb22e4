"""Notices to the host app: kept for a month, so that they can be listed and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from shared.clock import from_text, to_text
from shared.errors import VersionConflict
from shared.model import HostMessage
from shared.store.codec import delivery_row, message_of_row
from shared.store.tables import DUE_SHARDS, DeliveryRow, shard_of
from shared.store.transactions import conditional


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A notice and what became of it: `status` is `queued`, `delivered`, `retrying` or `dead`."""

    message: HostMessage
    status: str
    attempts: int
    last_error: str
    delivered_at: datetime | None


class DeliveryStore:
    def load(self, org: str, message_id: str) -> Delivery | None:
        try:
            return _delivery(DeliveryRow.get(org, message_id, consistent_read=True))
        except DeliveryRow.DoesNotExist:
            return None

    def add(self, message: HostMessage, due_at: datetime) -> None:
        """A notice that does not belong to an event's record; adding it again changes nothing that has begun."""
        with suppress(VersionConflict), conditional():
            delivery_row(message, due_at).save(condition=DeliveryRow.id.does_not_exist())

    def listing(self, org: str, *, limit: int, after: str = "") -> tuple[list[Delivery], str]:
        """The newest first; the id to go on behind, or ""."""
        condition = DeliveryRow.id < after if after else None
        found = DeliveryRow.query(org, condition, scan_index_forward=False, limit=limit, consistent_read=True)
        deliveries = [_delivery(row) for row in found]
        return deliveries, deliveries[-1].message.id if found.last_evaluated_key and deliveries else ""

    def delivered(self, message: HostMessage, at: datetime) -> None:
        self._update(
            message,
            [
                DeliveryRow.status.set("delivered"),
                DeliveryRow.delivered_at.set(to_text(at)),
                DeliveryRow.attempts.add(1),
                DeliveryRow.due_at.remove(),
                DeliveryRow.due_shard.remove(),
            ],
        )

    def failed(self, message: HostMessage, error: str, next_due: datetime | None) -> None:
        """An attempt failed; `next_due` None: no more attempts follow."""
        due = (
            [DeliveryRow.due_at.set(to_text(next_due)), DeliveryRow.due_shard.set(shard_of(message.id))]
            if next_due
            else [DeliveryRow.due_at.remove(), DeliveryRow.due_shard.remove()]
        )
        status = DeliveryRow.status.set("retrying" if next_due else "dead")
        self._update(message, [status, DeliveryRow.last_error.set(error), DeliveryRow.attempts.add(1), *due])

    def requeue(self, message: HostMessage, due_at: datetime) -> None:
        self._update(
            message,
            [
                DeliveryRow.status.set("queued"),
                DeliveryRow.due_at.set(to_text(due_at)),
                DeliveryRow.due_shard.set(shard_of(message.id)),
            ],
        )

    def overdue(self, now: datetime) -> Iterator[HostMessage]:
        for shard in DUE_SHARDS:
            for row in DeliveryRow.by_due.query(shard, DeliveryRow.due_at <= to_text(now)):
                yield message_of_row(row)

    def _update(self, message: HostMessage, actions: list[object]) -> None:
        with conditional():
            DeliveryRow(message.org, message.id).update(
                actions=actions,  # type: ignore[arg-type]
                condition=DeliveryRow.id.exists(),
            )


def _delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        message=message_of_row(row),
        status=row.status,
        attempts=int(row.attempts),
        last_error=row.last_error or "",
        delivered_at=from_text(row.delivered_at) if row.delivered_at else None,
    )
