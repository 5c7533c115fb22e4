"""The four stores behind one value, as a use case gets them."""

from __future__ import annotations

from dataclasses import dataclass

from shared.aws import core_session
from shared.config import Settings
from shared.store.calendars import CalendarStore
from shared.store.connections import ConnectionStore
from shared.store.deliveries import DeliveryStore
from shared.store.events import EventStore
from shared.store.secrets import GrantVault
from shared.store.tables import bind_tables


@dataclass(frozen=True, slots=True)
class Store:
    connections: ConnectionStore
    calendars: CalendarStore
    events: EventStore
    deliveries: DeliveryStore


def open_store(settings: Settings, key_arn: str) -> Store:
    """The stores on the deployment's tables and key. Connects when first used."""
    bind_tables(settings)
    vault = GrantVault(key_arn, core_session())
    return Store(ConnectionStore(vault), CalendarStore(), EventStore(), DeliveryStore())
