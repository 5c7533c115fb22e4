"""The seven tables, as PynamoDB sees them; `infra/template.yaml` creates them, `tests/infra` compares the two.

Nothing outside `shared.store` imports this. Table names come from the settings: `bind_tables` sets them once.
Keys are the ids of `shared.model` as bytes compare them, so ids that differ by case are different ids.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, LocalSecondaryIndex
from pynamodb.models import Model

from shared.config import Settings


def shard_of(identifier: str) -> str:
    """The partition of a `by-due` index that a row falls into; `DUE_SHARDS` lists them all."""
    return DUE_SHARDS[sum(identifier.encode()) % len(DUE_SHARDS)]


DUE_SHARDS = tuple(f"due#{number}" for number in range(4))


def _projection(name: str) -> type:
    return type("Meta", (), {"index_name": name, "projection": AllProjection()})


class ConnectionsByOwner(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-owner")
    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class ConnectionsByAccount(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-account")
    account_key = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class ConnectionsByDue(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-due")
    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class ConnectionsByOrganization(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-organization")
    member_of = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute(range_key=True)


class ConnectionRow(Model):
    """A connection with its secret part: `grant` and `flow` are ciphertext of `shared.store.secrets`.

    A row of which only `held_by` is set is a place (`shared.keys.account_place`): the connection named there is the one
    that its owner has with an account. That connection's row names its `place`. Another kind of place is a mailbox's
    (`shared.keys.mailbox_place`): whose it is among an organisation's staff. Indexes do not show places."""

    class Meta:
        table_name: ClassVar[str] = "unbound"

    id = UnicodeAttribute(hash_key=True)
    owner = UnicodeAttribute()
    org = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    provider = UnicodeAttribute()
    status = UnicodeAttribute()
    account_key = UnicodeAttribute(null=True)
    account_id = UnicodeAttribute(null=True)
    account_name = UnicodeAttribute(null=True)
    account_mailbox = UnicodeAttribute(null=True)
    policy = UnicodeAttribute()
    reasons = UnicodeAttribute()
    return_to = UnicodeAttribute(null=True)
    receipt = UnicodeAttribute(null=True)
    grant = BinaryAttribute(null=True, legacy_encoding=False)
    flow = BinaryAttribute(null=True, legacy_encoding=False)
    state_digest = UnicodeAttribute(null=True)
    confirmation_digest = UnicodeAttribute(null=True)
    place = UnicodeAttribute(null=True)
    held_by = UnicodeAttribute(null=True)
    organization = UnicodeAttribute(null=True)
    member_of = UnicodeAttribute(null=True)
    mailbox = UnicodeAttribute(null=True)
    enabled = BooleanAttribute(null=True)
    leaving = BooleanAttribute(null=True)
    in_step = BooleanAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    expires_at_s = NumberAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    version = NumberAttribute()

    by_owner = ConnectionsByOwner()
    by_account = ConnectionsByAccount()
    by_due = ConnectionsByDue()
    by_organization = ConnectionsByOrganization()


class CalendarsByDue(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-due")
    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class CalendarRow(Model):
    class Meta:
        table_name: ClassVar[str] = "unbound"

    connection_id = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    org = UnicodeAttribute()
    user_id = UnicodeAttribute()
    remote_id = UnicodeAttribute()
    name = UnicodeAttribute()
    zone = UnicodeAttribute()
    access = UnicodeAttribute()
    primary = BooleanAttribute(null=True)
    resource = BooleanAttribute(null=True)
    main = BooleanAttribute()
    bookings = BooleanAttribute()
    busy = BooleanAttribute()
    sync = BooleanAttribute()
    watchable = BooleanAttribute()
    subscription = UnicodeAttribute(null=True)
    checkpoint = UnicodeAttribute()
    reasons = UnicodeAttribute()
    synced_from_ms = NumberAttribute()
    last_sync_at = UnicodeAttribute(null=True)
    parked_until = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    version = NumberAttribute()

    by_due = CalendarsByDue()


class EventsByEnd(LocalSecondaryIndex[Any]):
    Meta = _projection("by-end")
    owner = UnicodeAttribute(hash_key=True)
    ends_at = UnicodeAttribute(range_key=True)


class EventRow(Model):
    """`ends_at` is the UTC end of the last occurrence (`9999` for an endless series) and is absent from a tombstone,
    which therefore appears in no listing."""

    class Meta:
        table_name: ClassVar[str] = "unbound"

    owner = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    series = BinaryAttribute(legacy_encoding=False)
    origin = UnicodeAttribute()
    starts_at = UnicodeAttribute(null=True)
    ends_at = UnicodeAttribute(null=True)
    deleted = BooleanAttribute()
    updated_at = UnicodeAttribute()
    expires_at_s = NumberAttribute(null=True)
    version = NumberAttribute()

    by_end = EventsByEnd()


class LinksByEvent(LocalSecondaryIndex[Any]):
    Meta = _projection("by-event")
    calendar_id = UnicodeAttribute(hash_key=True)
    event_id = UnicodeAttribute(range_key=True)


class LinkRow(Model):
    class Meta:
        table_name: ClassVar[str] = "unbound"

    calendar_id = UnicodeAttribute(hash_key=True)
    remote_id = UnicodeAttribute(range_key=True)
    event_id = UnicodeAttribute()
    occurrence = UnicodeAttribute(null=True)
    etag = UnicodeAttribute(null=True)
    base = UnicodeAttribute()
    overrides = UnicodeAttribute(null=True)
    problem = UnicodeAttribute(null=True)
    seen = UnicodeAttribute(null=True)

    by_event = LinksByEvent()


class PendingByDue(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-due")
    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class PendingRow(Model):
    """The mark that an event has something for a calendar. `version` is the event's when the mark was set."""

    class Meta:
        table_name: ClassVar[str] = "unbound"

    calendar_id = UnicodeAttribute(hash_key=True)
    event_id = UnicodeAttribute(range_key=True)
    version = NumberAttribute()
    due_shard = UnicodeAttribute()
    due_at = UnicodeAttribute()

    by_due = PendingByDue()


class HistoryRow(Model):
    """`at` is the time with a sequence behind it, so that entries sort and never collide."""

    class Meta:
        table_name: ClassVar[str] = "unbound"

    event_key = UnicodeAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)
    actor = UnicodeAttribute()
    rule = UnicodeAttribute()
    sentence = UnicodeAttribute()
    fields = UnicodeAttribute()
    lost = UnicodeAttribute()
    version = NumberAttribute()
    expires_at_s = NumberAttribute()


class DeliveriesByDue(GlobalSecondaryIndex[Any]):
    Meta = _projection("by-due")
    due_shard = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class DeliveryRow(Model):
    """A notice to the host app. `due_at` is set while nobody has taken it on, so that a sweep finds it."""

    class Meta:
        table_name: ClassVar[str] = "unbound"

    org = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    type = UnicodeAttribute()
    at = UnicodeAttribute()
    body = UnicodeAttribute()
    status = UnicodeAttribute()
    attempts = NumberAttribute()
    last_error = UnicodeAttribute(null=True)
    delivered_at = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    expires_at_s = NumberAttribute()

    by_due = DeliveriesByDue()


TABLES: dict[str, type[Model]] = {
    "connections_table": ConnectionRow,
    "calendars_table": CalendarRow,
    "events_table": EventRow,
    "links_table": LinkRow,
    "pending_table": PendingRow,
    "history_table": HistoryRow,
    "deliveries_table": DeliveryRow,
}


def bind_tables(settings: Settings) -> None:
    """Point the models at the tables that the settings name; a function names those it may use."""
    for name, model in TABLES.items():
        if hasattr(settings, name):
            bind_table(model, getattr(settings, name))


def bind_table(model: type[Model], table_name: str) -> None:
    """Point one model at its table. All models share one client: by itself PynamoDB makes one for each, and a client
    costs a cold function some 100 ms."""
    if model._connection is not None and model._connection.table_name == table_name:
        return
    model.Meta.table_name = table_name
    model._connection = None
    own = model._get_connection()
    shared = shared_connection()
    shared.add_meta_table(own.get_meta_table())
    own.connection = shared


@cache
def shared_connection() -> Connection:
    """The one low-level connection; its client is made when it is first used."""
    return Connection()


def forget_tables() -> None:
    """Unbind every model and let go of the connection (tests that change the endpoint)."""
    shared_connection.cache_clear()
    for model in TABLES.values():
        model._connection = None
