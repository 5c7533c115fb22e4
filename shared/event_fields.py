"""The members of an Event JSON, read one by one: each reader notes what is wrong in `Faults` and goes on.

A reader that notes a fault returns some value of the right type, which is never used: `Faults.check` raises before.
Sentences repeat nothing of what an event says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar, cast

from shared.calendar.recurrence import normalize
from shared.calendar.rules import MOST_LINES, check_line
from shared.calendar.timezones import instant, is_zone
from shared.errors import FieldError, invalid
from shared.model import Attendee, Reminder, Reminders, Response, Span, When, ZonedTime

Json = Mapping[str, object]

MOST_TITLE: Final = 1024
MOST_DESCRIPTION: Final = 8192
MOST_LOCATION: Final = 1024
MOST_NAME: Final = 256
MOST_EMAIL: Final = 254
MOST_ATTENDEES: Final = 200
MOST_REMINDERS: Final = 5
LONGEST_REMINDER: Final = 40_320
LONGEST_OCCURRENCE: Final = timedelta(days=366)
LONGEST_EVENT: Final = timedelta(days=3_660)

_MOST_FAULTS = 100
_YEARS = (1000, 8999)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.0{1,9})?")
_OFFSET = re.compile(r"[0-9T:.\-]{16,29}?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})")

NO_DAY: Final = date(2000, 1, 1)
"""What a faulty day is read as."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(slots=True)
class Faults:
    """Everything that is wrong with one body."""

    found: list[FieldError] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        self.found.append(FieldError(path, sentence))

    def within(self, path: str) -> bool:
        """Whether anything at `path`, or below it, is wrong."""
        return any(fault.field == path or fault.field.startswith((f"{path}.", f"{path}[")) for fault in self.found)

    def check(self) -> None:
        """Raise `Problem` (422) if there is any fault."""
        if self.found:
            raise invalid(self.found[:_MOST_FAULTS])


# --- shapes --------------------------------------------------------------------------------------------------------


def read_object(value: object, path: str, known: Collection[str], faults: Faults) -> Json | None:
    """The members of an object, less the unknown ones; None if it is no object."""
    if not isinstance(value, dict):
        faults.add(path or "body", "This must be a JSON object.")
        return None
    for name in value:
        if name not in known:
            faults.add(_below(path, _shown(name)), f"This is not known here. Known are {', '.join(sorted(known))}.")
    return {name: member for name, member in value.items() if name in known}


def read_list(value: object, path: str, most: int, faults: Faults) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        faults.add(path, "This must be a list.")
        return []
    if len(value) > most:
        faults.add(path, f"There are {len(value)}; at most {most} are possible.")
        return []
    return value


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(name: object) -> str:
    clean = "".join(letter if letter.isprintable() else "?" for letter in str(name)[:40])
    return clean or "?"


# --- simple members ------------------------------------------------------------------------------------------------


def read_text(value: object, path: str, most: int, faults: Faults) -> str:
    """Text with line breaks and tabs, but nothing else that does not show; null is no text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        faults.add(path, "This must be a text in quotation marks.")
        return ""
    if len(value) > most:
        faults.add(path, f"This has {len(value)} characters; at most {most} are possible.")
    elif any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\r\t" for letter in value):
        faults.add(path, "This holds a control character or half of one; line breaks and tabs are fine, others not.")
    return value


def read_choice(value: object, path: str, default: Choice, faults: Faults) -> Choice:
    """One of the values of the default's kind; null is the default."""
    kind = type(default)
    if value is None:
        return default
    if not isinstance(value, str) or value not in set(kind):
        faults.add(path, f"This can be {', '.join(kind)}.")
        return default
    return kind(value)


def read_flag(value: object, path: str, faults: Faults) -> bool:
    if value is not None and not isinstance(value, bool):
        faults.add(path, "This must be true or false.")
    return value is True


# --- times ---------------------------------------------------------------------------------------------------------


def read_when(value: object, path: str, faults: Faults) -> When:
    """`{"date_time", "time_zone"}` or `{"date"}`."""
    members = read_object(value, path, ("date", "date_time", "time_zone"), faults)
    if members is None or faults.within(path):
        return NO_DAY
    if "date" in members and len(members) > 1:
        faults.add(path, "This mixes a date with a time; send date alone, or date_time with time_zone.")
        return NO_DAY
    if "date" in members:
        return _read_date(members["date"], f"{path}.date", faults)
    local = _read_local(members.get("date_time"), f"{path}.date_time", faults)
    zone = members.get("time_zone")
    if not isinstance(zone, str) or not is_zone(zone):
        known = "is missing" if zone is None else "does not exist"
        faults.add(f"{path}.time_zone", f"The time zone {known}; send an IANA name such as Australia/Sydney.")
        return NO_DAY
    return ZonedTime(local, zone)


def _read_date(value: object, path: str, faults: Faults) -> date:
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return _in_range(date.fromisoformat(value))
    except ValueError:
        faults.add(path, "There is no such day.")
        return NO_DAY
    faults.add(path, "Write the day as 2027-03-01.")
    return NO_DAY


def _read_local(value: object, path: str, faults: Faults) -> datetime:
    nothing = datetime.combine(NO_DAY, datetime.min.time())
    if not isinstance(value, str):
        faults.add(path, "Send the wall-clock time, such as 2027-03-01T09:00:00, or date for a whole day.")
        return nothing
    match = _LOCAL.fullmatch(value)
    if match is None:
        if len(value) < 40 and _OFFSET.fullmatch(value):
            faults.add(path, "Leave the offset (Z or +hh:mm) out: this is wall-clock time, and time_zone says where.")
        else:
            faults.add(path, "Write the wall-clock time in whole seconds, such as 2027-03-01T09:00:00.")
        return nothing
    try:
        return _in_range(datetime.fromisoformat(f"{match[1]}T{match[2]}"))
    except ValueError:
        faults.add(path, "There is no such day or time.")
        return nothing


Day = TypeVar("Day", bound=date)


def _in_range(day: Day) -> Day:
    if not _YEARS[0] <= day.year <= _YEARS[1]:
        raise ValueError("far from our time")
    return day


def check_span(span: Span, *, recurs: bool, path: str, faults: Faults) -> None:
    """Note an end that does not fit its start. `path` is where the event is, empty for the whole body."""
    end = _below(path, "end")
    if faults.within(_below(path, "start")) or faults.within(end):
        return
    timed = isinstance(span.start, ZonedTime)
    if timed != isinstance(span.end, ZonedTime):
        faults.add(end, "Start and end are of different kinds; send date in both, or date_time in both.")
        return
    length = instant(span.end) - instant(span.start)
    if timed and length < timedelta(0):
        faults.add(end, "The end lies before the start; swap them, or check the time zones.")
    elif not timed and length <= timedelta(0):
        faults.add(end, "The end is the first day after the event: for one day send the next day's date.")
    elif length > (most := LONGEST_OCCURRENCE if recurs else LONGEST_EVENT):
        faults.add(end, f"{'An event that repeats' if recurs else 'An event'} can last {most.days} days at most.")


# --- lists ---------------------------------------------------------------------------------------------------------


def read_recurrence(value: object, path: str, faults: Faults) -> tuple[str, ...]:
    lines = read_list(value, path, MOST_LINES, faults)
    for index, line in enumerate(lines):
        if not isinstance(line, str):
            faults.add(f"{path}[{index}]", "A recurrence line is a text, such as RRULE:FREQ=WEEKLY.")
            continue
        try:
            check_line(line)
        except ValueError as fault:
            faults.add(f"{path}[{index}]", str(fault))
    if faults.within(path):
        return ()
    try:
        return normalize(cast(list[str], lines))
    except ValueError as fault:
        faults.add(path, str(fault))
        return ()


def read_attendees(value: object, path: str, faults: Faults) -> tuple[Attendee, ...]:
    attendees = [
        _read_attendee(item, f"{path}[{index}]", faults)
        for index, item in enumerate(read_list(value, path, MOST_ATTENDEES, faults))
    ]
    seen: set[str] = set()
    for index, attendee in enumerate(attendees):
        if attendee.email and attendee.email.lower() in seen:
            faults.add(f"{path}[{index}].email", "This address is there twice; leave one out.")
        seen.add(attendee.email.lower())
    return tuple(attendees)


def _read_attendee(value: object, path: str, faults: Faults) -> Attendee:
    members = read_object(value, path, ("email", "name", "response", "optional"), faults)
    if members is None:
        return Attendee("")
    email = members.get("email")
    if not isinstance(email, str) or not _is_email(email):
        faults.add(f"{path}.email", "This is no e-mail address; send one such as ada@example.com.")
        email = ""
    return Attendee(
        email=email,
        name=read_text(members.get("name"), f"{path}.name", MOST_NAME, faults),
        response=read_choice(members.get("response"), f"{path}.response", Response.NEEDS_ACTION, faults),
        optional=read_flag(members.get("optional"), f"{path}.optional", faults),
    )


def _is_email(text: str) -> bool:
    """Whether it looks like an address: enough to catch slips, not to judge what a mail server takes."""
    name, at, domain = text.rpartition("@")
    labels = domain.replace("-", "").split(".")
    clean = text.isprintable() and not any(letter in ' ()<>[],;:\\"@' for letter in name)
    return bool(at and name and clean and len(text) <= MOST_EMAIL and all(label.isalnum() for label in labels))


def read_reminders(value: object, path: str, faults: Faults) -> Reminders:
    """`"default"` (also null), or a list of `{"minutes", "method"}`."""
    if value is None or value == "default":
        return None
    if not isinstance(value, list):
        faults.add(path, 'Send "default", or a list of reminders such as {"minutes": 10, "method": "popup"}.')
        return None
    items = read_list(value, path, MOST_REMINDERS, faults)
    return tuple(_read_reminder(item, f"{path}[{index}]", faults) for index, item in enumerate(items))


def _read_reminder(value: object, path: str, faults: Faults) -> Reminder:
    members = read_object(value, path, ("minutes", "method"), faults)
    if members is None:
        return Reminder(0)
    minutes, method = members.get("minutes"), members.get("method", "popup")
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= LONGEST_REMINDER:
        faults.add(
            f"{path}.minutes", f"Send the minutes before the start, a whole number from 0 to {LONGEST_REMINDER}."
        )
        minutes = 0
    if method not in ("popup", "email"):
        faults.add(f"{path}.method", "This can be popup or email.")
    return Reminder(minutes, "email" if method == "email" else "popup")
