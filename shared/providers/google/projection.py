"""What a Google calendar can hold of a series: `project` gives the series as Google would give it back. Pure.

What is written is always a projection, so that reading it again shows no difference: for every series s,
read(write(project(s))) == project(s), and projecting twice changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from shared.calendar.recurrence import normalize
from shared.calendar.timezones import from_utc, is_zone, to_utc
from shared.model import (
    Cancelled,
    Content,
    Policy,
    Reminder,
    Reminders,
    Series,
    ShowAs,
    Span,
    Visibility,
    When,
    ZonedTime,
)
from shared.providers.google.convert import in_order, soonest_first

_STRICTNESS: Final = (Visibility.PUBLIC, Visibility.DEFAULT, Visibility.PRIVATE, Visibility.CONFIDENTIAL)


def project(series: Series, policy: Policy) -> Series:
    """The series as Google gives it back. Times have no fraction and exist in their zone; attendees are one per
    address, in the order of their addresses; five reminders; tentative time is busy; and all occurrences share the
    strictest visibility, since Google would spread it anyway and a looser one would show what was meant private.

    Text is not cut: no page of Google's names a limit, and a refusal is seen while a cut would come back as an edit.
    """
    contents = [series.content, *(value for value in series.overrides.values() if isinstance(value, Content))]
    strictest = max((content.visibility for content in contents), key=_STRICTNESS.index)
    overrides = {
        key: value if isinstance(value, Cancelled) else _project_content(value, policy, strictest)
        for key, value in series.overrides.items()
    }
    return Series(
        _project_content(series.content, policy, strictest), normalize(series.recurrence), MappingProxyType(overrides)
    )


def _project_content(content: Content, policy: Policy, visibility: Visibility) -> Content:
    return replace(
        content,
        span=Span(_existing(content.span.start), _existing(content.span.end)),
        visibility=visibility,
        show_as=ShowAs.FREE if content.show_as is ShowAs.FREE else ShowAs.BUSY,
        attendees=in_order(replace(one, email=one.email.lower()) for one in content.attendees),
        reminders=_project_reminders(content.reminders, policy),
    )


def _project_reminders(reminders: Reminders, policy: Policy) -> Reminders:
    if reminders is not None:
        return soonest_first(reminders)
    match policy.default_reminder:
        case None:
            return ()
        case int(minutes):
            return (Reminder(minutes),)
        case "provider":
            return None


def _existing(when: When) -> When:
    """The time itself, or, where clocks skip it, the one that the same instant is called by."""
    if not isinstance(when, ZonedTime) or not is_zone(when.zone):
        return when
    return from_utc(to_utc(ZonedTime(when.local.replace(microsecond=0), when.zone)), when.zone)
