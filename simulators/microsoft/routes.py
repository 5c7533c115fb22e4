"""Which calls of Graph exist: method and path to a name, an operation, its right, and the status of its answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulators.common.wire import Json
from simulators.microsoft import calendar_permissions, calendars, delta, directory, event_list, events, subscriptions
from simulators.microsoft.access import Right
from simulators.microsoft.call import Call


@dataclass(frozen=True)
class Route:
    name: str
    method: str
    pattern: re.Pattern[str]
    operation: Callable[[Call], Json | None]
    right: Right
    status: int
    body: bool
    in_mailbox: bool


def _route(
    name: str, method: str, path: str, operation: Callable[[Call], Json | None], right: Right, status: int = 200
) -> Route:
    form = path.replace("{box}", "(?:me|users/(?P<user>[^/]+))").replace(
        "{cal}", "(?:calendars/{calendarId}/|calendar/)?"
    )
    form = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", form)
    return Route(
        name,
        method,
        re.compile(f"^/v1\\.0/{form}/?$"),
        operation,
        right,
        status,
        method in {"POST", "PATCH"},
        "{box}" in path,
    )


def _no_create(_call: Call) -> Json:
    raise NotImplementedError("graph.py runs this one in three parts")


_EVENT = "{box}/{cal}events/{eventId}"
_PERMISSIONS = "{box}/{cal}calendarPermissions"
_SUBSCRIPTION = "subscriptions/{subscriptionId}"
ROUTES = (
    _route("users.list", "GET", "users", directory.list_users, "users"),
    _route("users.get", "GET", "{box}", directory.get_user, "user"),
    _route("mailboxSettings.get", "GET", "{box}/mailboxSettings", calendars.mailbox_settings, "mailbox"),
    _route("organization.list", "GET", "organization", directory.organization, "organization"),
    _route("calendars.list", "GET", "{box}/calendars", calendars.list_calendars, "read"),
    _route("calendars.create", "POST", "{box}/calendars", calendars.create_calendar, "write", 201),
    _route("calendars.get", "GET", "{box}/calendar", calendars.get_calendar, "read"),
    _route("calendars.get", "GET", "{box}/calendars/{calendarId}", calendars.get_calendar, "read"),
    _route("calendars.update", "PATCH", "{box}/calendars/{calendarId}", calendars.rename_calendar, "write"),
    _route("calendars.delete", "DELETE", "{box}/calendars/{calendarId}", calendars.delete_calendar, "write", 204),
    _route("calendarPermissions.list", "GET", _PERMISSIONS, calendar_permissions.list_permissions, "read"),
    _route("getSchedule", "POST", "{box}/calendar/getSchedule", calendars.get_schedule, "read"),
    _route("events.list", "GET", "{box}/{cal}events", event_list.list_events, "read"),
    _route("events.create", "POST", "{box}/{cal}events", events.create, "write", 201),
    _route("events.get", "GET", _EVENT, events.get, "read"),
    _route("events.update", "PATCH", _EVENT, events.update, "write"),
    _route("events.delete", "DELETE", _EVENT, events.delete, "write", 204),
    _route("events.instances", "GET", f"{_EVENT}/instances", event_list.instances, "read"),
    _route("events.cancel", "POST", f"{_EVENT}/cancel", events.cancel, "write", 202),
    _route("calendarView.list", "GET", "{box}/{cal}calendarView", event_list.calendar_view, "read"),
    _route("calendarView.delta", "GET", "{box}/{cal}calendarView/delta", delta.delta, "read"),
    _route("subscriptions.create", "POST", "subscriptions", _no_create, "read", 201),
    _route("subscriptions.list", "GET", "subscriptions", subscriptions.list_all, "none"),
    _route("subscriptions.get", "GET", _SUBSCRIPTION, subscriptions.get, "none"),
    _route("subscriptions.update", "PATCH", _SUBSCRIPTION, subscriptions.renew, "none"),
    _route("subscriptions.delete", "DELETE", _SUBSCRIPTION, subscriptions.delete, "none", 204),
    _route("subscriptions.reauthorize", "POST", f"{_SUBSCRIPTION}/reauthorize", subscriptions.reauthorize, "none", 204),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        found = route.pattern.match(path) if route.method == method else None
        if found is not None:
            return route, {name: value for name, value in found.groupdict().items() if value is not None}
    return None
