"""What an Outlook calendar can hold of a series: `project` gives the series as Graph would give it back. Pure.

What is written is always a projection, so that reading it again shows no difference: for every series s that Graph can
hold, read(write(project(s))) == project(s), and projecting twice changes nothing. A rule that Graph has no pattern for
stays as it is; writing it is refused (`convert.write_event`).
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from shared.calendar.timezones import from_utc, is_zone, to_utc
from shared.model import (
    Attendee,
    Cancelled,
    Content,
    EventStatus,
    Policy,
    Reminder,
    Reminders,
    Response,
    Series,
    Span,
    Visibility,
    When,
    ZonedTime,
)
from shared.providers.microsoft import body
from shared.providers.microsoft.convert import DEFAULT_REMINDER, in_order, soonest_popup
from shared.providers.microsoft.recurrence import canonical
from shared.providers.microsoft.zones import to_windows

LONGEST_TITLE: Final = 255
"""Exchange takes no longer subject (`SubjectType` in the schema of its web services)."""

_STRICTNESS: Final = (Visibility.PUBLIC, Visibility.DEFAULT, Visibility.PRIVATE, Visibility.CONFIDENTIAL)


def project(series: Series, policy: Policy) -> Series:
    """The series as Graph gives it back. Times have no fraction and exist in their zone; the description is its text;
    one pop-up; nothing is provisional but the time it takes up; and guests are named only if the connection invites
    them, since any write may mail them. Sensitivity is the whole series': the strictest that was meant."""
    contents = [series.content, *(value for value in series.overrides.values() if isinstance(value, Content))]
    strictest = max((content.visibility for content in contents), key=_STRICTNESS.index)
    if strictest is Visibility.PUBLIC:
        strictest = Visibility.DEFAULT
    content = _project_content(series.content, policy, strictest, series.recurs)
    overrides = {
        key: value
        if isinstance(value, Cancelled)
        else _in_zones_of(content.span, _project_content(value, policy, strictest, series.recurs))
        for key, value in series.overrides.items()
    }
    return Series(content, canonical(series.recurrence, content.span), MappingProxyType(overrides))


def _project_content(content: Content, policy: Policy, visibility: Visibility, recurs: bool) -> Content:
    attendees = content.attendees if policy.invite_attendees else ()
    return replace(
        content,
        span=Span(_held(content.span.start, recurs), _held(content.span.end, recurs)),
        title=content.title[:LONGEST_TITLE],
        description=body.to_text(body.to_html(content.description)),
        visibility=visibility,
        status=EventStatus.CONFIRMED,
        attendees=in_order(_project_attendee(one) for one in attendees),
        reminders=_project_reminders(content.reminders, policy),
    )


def _in_zones_of(series: Span, content: Content) -> Content:
    """An occurrence is kept by the clocks of its series."""
    span = content.span
    return replace(content, span=Span(_by_clock_of(series.start, span.start), _by_clock_of(series.end, span.end)))


def _by_clock_of(series: When, when: When) -> When:
    if not (isinstance(series, ZonedTime) and isinstance(when, ZonedTime)):
        return when
    if not (is_zone(series.zone) and is_zone(when.zone)):
        return when
    return from_utc(to_utc(when), series.zone)


def _project_attendee(attendee: Attendee) -> Attendee:
    """Only a guest can answer, and a name that is the address is no name."""
    email = attendee.email.lower()
    name = "" if attendee.name.lower() == email else attendee.name
    return replace(attendee, email=email, name=name, response=Response.NEEDS_ACTION)


def _project_reminders(reminders: Reminders, policy: Policy) -> Reminders:
    if reminders is not None:
        return soonest_popup(reminders)
    match policy.default_reminder:
        case None:
            return ()
        case int(minutes):
            return (Reminder(minutes),)
        case "provider":
            return (Reminder(DEFAULT_REMINDER),)


def _held(when: When, recurs: bool) -> When:
    """The time itself, or, where clocks skip it, the one that the same instant is called by. A single event in a zone
    that Windows lacks keeps its instant."""
    if not isinstance(when, ZonedTime) or not is_zone(when.zone):
        return when
    zone = when.zone if recurs or to_windows(when.zone) is not None else "UTC"
    return from_utc(to_utc(ZonedTime(when.local.replace(microsecond=0), when.zone)), zone)
