"""What a person chooses for a connection: reminders, invitations, two-way rules, privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.calendar_choice import bookings_ahead, listed_again, through_bookings
from shared.errors import FieldError, Problem, invalid
from shared.house import House
from shared.model import PROVIDER_DEFAULT, Connection, OnExternal, Policy, Privacy
from shared.queue import CalendarJob
from shared.store.events import SWEEP_AFTER

LONGEST_REMINDER = 40320
"""Four weeks in minutes: Google's bound (events resource, reminders.overrides)."""


def change_policy(house: House, connection: Connection, members: Mapping[str, Any]) -> Connection:
    """The connection with the given members of its policy changed. Raises `Problem` (422) naming each fault."""
    errors: list[FieldError] = []
    chosen: dict[str, Any] = {}
    for name, value in members.items():
        match name, value:
            case "user_id", _:
                continue
            case "default_reminder", None | "provider":
                chosen[name] = value
            case "default_reminder", int() if not isinstance(value, bool) and 0 <= value <= LONGEST_REMINDER:
                chosen[name] = value
            case "default_reminder", _:
                sentence = f'Use "{PROVIDER_DEFAULT}", null, or minutes from 0 to {LONGEST_REMINDER}.'
                errors.append(FieldError(name, sentence))
            case "invite_attendees", bool():
                chosen[name] = value
            case "invite_attendees", _:
                errors.append(FieldError(name, "Use true or false."))
            case (("on_external_change" | "on_external_delete"), "apply" | "restore"):
                chosen[name] = OnExternal(value)
            case (("on_external_change" | "on_external_delete"), _):
                errors.append(FieldError(name, "Use apply or restore."))
            case "privacy", "full" | "busy_only":
                chosen[name] = Privacy(value)
            case "privacy", _:
                errors.append(FieldError(name, "Use full or busy_only."))
            case _:
                errors.append(FieldError(name, "There is no such setting; leave it out."))
    if errors:
        raise invalid(errors)
    policy: Policy = replace(connection.policy, **chosen)
    if policy == connection.policy:
        return connection
    other_text = policy.privacy is not connection.policy.privacy
    if other_text and connection.member_of:
        sentence = "Your organisation decides whether titles are shown. Ask its administrator."
        raise Problem(409, "managed_by_organization", sentence)
    if other_text:
        list_again(house, connection)  # so that a request that ends here leaves nothing behind as it was
    changed = house.store.connections.save(replace(connection, policy=policy, updated_at=house.clock()))
    if other_text:
        renew_text(house, changed)
    return changed


def renew_text(house: House, connection: Connection) -> None:
    """Have every synced calendar read through anew, at once: text that may be shown now is brought, text that may not
    is erased."""
    for identifier in list_again(house, connection):
        house.jobs.send(CalendarJob(identifier))


def list_again(house: House, connection: Connection) -> list[str]:
    """The same at the next occasion, within minutes; the calendars concerned."""
    kept = [one.id for one in house.store.calendars.of_connection(connection.id) if one.sync]
    due = house.clock() + SWEEP_AFTER
    for identifier in kept:
        house.store.calendars.change(identifier, lambda found: replace(listed_again(found), due_at=due))
    return kept


def renew_reminders(house: House, connection: Connection) -> int:
    """Have the copies of all future bookings in this connection's booking calendars brought to its present default
    reminder; a change of the setting by itself concerns only what is written from then on. Bookings that say something
    of their own keep it. The answer is how many bookings are looked at. Raises `Problem` (409) if the connection has no
    calendar that takes bookings."""
    takers = [one for one in house.store.calendars.of_connection(connection.id) if one.takes_bookings]
    if not takers:
        raise Problem(409, "no_booking_calendar", "No calendar of this connection takes bookings. Choose one first.")
    total = bookings_ahead(house, connection.owner)
    for calendar in takers:
        house.store.calendars.change(calendar.id, lambda found: through_bookings(found, total, reminders=True))
        house.jobs.send(CalendarJob(calendar.id))
    return total
