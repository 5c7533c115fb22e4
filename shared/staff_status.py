"""How a person of an organisation's staff fares, in one word and a reason, from what is stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from shared.errors import Held, NotWatchable
from shared.model import Calendar, Connection, ConnectionStatus, Reason


class StaffStatus(StrEnum):
    """`waiting`: for the organisation to be authorised; `checking`: about to be looked at."""

    DISABLED = "disabled"
    WAITING = "waiting"
    CHECKING = "checking"
    FIRST_SYNC = "first_sync"
    ACTIVE = "active"
    PAUSED = "paused"
    OWN_CONNECTION = "own_connection"
    REMOVING = "removing"


COUNTED_AS: Mapping[StaffStatus, str] = {
    StaffStatus.DISABLED: "disabled",
    StaffStatus.WAITING: "waiting",
    StaffStatus.CHECKING: "waiting",
    StaffStatus.FIRST_SYNC: "syncing",
    StaffStatus.ACTIVE: "in_step",
    StaffStatus.PAUSED: "paused",
    StaffStatus.OWN_CONNECTION: "own_connection",
}


def status_of(person: Connection, organization: Connection, calendars: Sequence[Calendar] = ()) -> StaffStatus:
    match person.status:
        case ConnectionStatus.DISCONNECTING:
            stays = person.enabled and not person.leaving
            return StaffStatus.CHECKING if stays else StaffStatus.REMOVING
        case ConnectionStatus.DISCONNECTED:
            return StaffStatus.DISABLED
        case ConnectionStatus.PENDING if organization.status is not ConnectionStatus.ACTIVE:
            return StaffStatus.WAITING
        case ConnectionStatus.PENDING:
            return StaffStatus.OWN_CONNECTION if person.reasons else StaffStatus.CHECKING
        case ConnectionStatus.ACTIVE if organization.status is ConnectionStatus.ACTIVE and not _held(calendars):
            return StaffStatus.ACTIVE if person.in_step else StaffStatus.FIRST_SYNC
        case _:
            return StaffStatus.PAUSED


def _held(calendars: Sequence[Calendar]) -> bool:
    return any(reason.code == Held.code for calendar in calendars for reason in calendar.reasons)


def reason_of(person: Connection, organization: Connection, calendars: Sequence[Calendar] = ()) -> Reason | None:
    """Why it is so, the nearest cause first: the organisation's permission, the mailbox, a calendar."""
    causes = list(person.reasons)
    if organization.status is ConnectionStatus.RECONNECT_REQUIRED and person.status is ConnectionStatus.ACTIVE:
        causes = [*organization.reasons, *causes]
    kept = [calendar for calendar in calendars if calendar.sync]
    causes += [reason for calendar in kept for reason in calendar.reasons if reason.code != NotWatchable.code]
    return causes[0] if causes else None


def totals(people: Iterable[Connection], organization: Connection) -> dict[str, int]:
    """How many there are on the list, how many of them enabled, and how these fare."""
    counts = dict.fromkeys(("total", "enabled", *dict.fromkeys(COUNTED_AS.values())), 0)
    for person in people:
        counts["total"] += 1
        counts["enabled"] += person.enabled
        if (name := COUNTED_AS.get(status_of(person, organization))) is not None:
            counts[name] += 1
    return counts
