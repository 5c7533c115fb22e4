"""One VEVENT as the JSON of a Google event: `read_event`. What cannot be carried over is noted, never lost in silence.

Raises `Unreadable` with a reason when Google could not hold the component at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from simulators.google import times
from simulators.google.ics_zones import Zones, in_utc
from simulators.google.wire import Json

_VITAL = frozenset({"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "EXDATE", "RDATE", "RECURRENCE-ID"})
_CLASSES = {"PRIVATE": "private", "CONFIDENTIAL": "confidential", "PUBLIC": "public"}
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}
_ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+$")


class Unreadable(Exception):
    """The component cannot become an event; the text says why."""


@dataclass
class ReadEvent:
    uid: str | None
    body: Json
    original: Json | None
    """Original start of an override, None for an event or series."""
    cancelled: bool
    notes: list[str] = field(default_factory=list)


def read_event(component: Any, zones: Zones, calendar_zone: str) -> ReadEvent:
    reader = _Reader(component, zones, calendar_zone)
    return reader.read()


def uid_of(component: Any) -> str | None:
    uid = component.get("UID")
    return str(uid) if uid else None


class _Reader:
    def __init__(self, component: Any, zones: Zones, calendar_zone: str) -> None:
        self.component = component
        self.zones = zones
        self.calendar_zone = calendar_zone
        self.notes: list[str] = []

    def read(self) -> ReadEvent:
        for name, fault in self.component.errors:
            if name is None or name in _VITAL:
                raise Unreadable(f"{name or 'a line'} cannot be read: {fault}")
            self.notes.append(f"{name} left out: {fault}")
        start, end = self._times()
        body: Json = {"start": start, "end": end}
        for name, wanted in (("SUMMARY", "summary"), ("DESCRIPTION", "description"), ("LOCATION", "location")):
            text = self._text(name)
            if text:
                body[wanted] = text
        if len(body.get("description", "")) > 8192:
            body["description"] = body["description"][:8192]
            self.notes.append("DESCRIPTION cut to 8192 characters")
        recurrence = self._recurrence(start)
        if recurrence:
            body["recurrence"] = recurrence
        body |= self._flags()
        body |= self._people()
        body |= self._alarms()
        original = self._time("RECURRENCE-ID") if "RECURRENCE-ID" in self.component else None
        if original is not None and str(self.component["RECURRENCE-ID"].params.get("RANGE", "")):
            raise Unreadable("RECURRENCE-ID with RANGE has no counterpart")
        cancelled = self._text("STATUS").upper() == "CANCELLED"
        return ReadEvent(uid_of(self.component), body, original, cancelled, self.notes)

    def _text(self, name: str) -> str:
        value = self.component.get(name)
        if isinstance(value, list):
            self.notes.append(f"{name} is given more than once")
            value = value[0]
        return "" if value is None else str(value)

    def _times(self) -> tuple[Json, Json]:
        if "DTSTART" not in self.component:
            raise Unreadable("DTSTART is missing")
        start = self._time("DTSTART")
        end = self._time("DTEND") if "DTEND" in self.component else self._after(start)
        if ("date" in start) != ("date" in end):
            raise Unreadable("DTSTART and DTEND are not of the same kind")
        if "date" in start and end["date"] <= start["date"]:
            self.notes.append("the end of an all-day event moved to the next day")
            end = _day(date.fromisoformat(start["date"]) + timedelta(days=1))
        return start, end

    def _after(self, start: Json) -> Json:
        duration = self.component.get("DURATION")
        length = duration.dt if duration is not None else None
        if "date" in start:
            days = max((length or timedelta(days=1)).days, 1)
            return _day(date.fromisoformat(start["date"]) + timedelta(days=days))
        begins = times.moment_of(start, self.calendar_zone)
        ends = begins.astimezone(UTC) + (length or timedelta(0))
        return {"dateTime": times.render(ends, "UTC"), "timeZone": start["timeZone"]}

    def _time(self, name: str) -> Json:
        value = self.component[name]
        if isinstance(value, list):
            raise Unreadable(f"{name} is given more than once")
        return self._event_time(name, value.dt, str(value.params.get("TZID", "")))

    def _event_time(self, name: str, moment: Any, tzid: str) -> Json:
        if not isinstance(moment, datetime):
            if isinstance(moment, date):
                return _day(moment)
            raise Unreadable(f"{name} is neither a date nor a time")
        zone_name = self._zone_of(name, moment, tzid)
        local = moment.replace(tzinfo=None, microsecond=0)
        if zone_name is not None:
            return {"dateTime": local.isoformat(), "timeZone": zone_name}
        clock = self.zones.custom(tzid)
        if clock is None or self._repeats():
            raise Unreadable(f"the time zone {tzid} of {name} is not one that Google knows")
        self.notes.append(f"the time zone {tzid} became {self.calendar_zone}")
        moment = in_utc(local, clock)
        return {"dateTime": times.render(moment, "UTC"), "timeZone": self.calendar_zone}

    def _repeats(self) -> bool:
        return any(name in self.component for name in ("RRULE", "RDATE", "EXRULE"))

    def _zone_of(self, name: str, moment: datetime, tzid: str) -> str | None:
        if tzid:
            return self.zones.name_of(tzid)
        if moment.tzinfo is None:
            self.notes.append(f"{name} floats: read in {self.calendar_zone}")
            return self.calendar_zone
        return "UTC"

    def _recurrence(self, start: Json) -> list[str]:
        lines = []
        for name in ("RRULE", "EXRULE"):
            for rule in _listed(self.component.get(name)):
                lines.append(f"{name}:{self._rule(rule, start)}")
        for name in ("RDATE", "EXDATE"):
            for dates in _listed(self.component.get(name)):
                lines.extend(self._dates(name, dates, start))
        if lines and "RECURRENCE-ID" in self.component:
            self.notes.append("the recurrence of an override left out")
            return []
        if not any(line.startswith(("RRULE", "RDATE")) for line in lines):
            if lines:
                self.notes.append("EXDATE without a rule left out")
            return []
        return lines

    def _rule(self, rule: Any, start: Json) -> str:
        text: str = rule.to_ical().decode()
        until = re.search(r"UNTIL=(\d{8}T\d{6})(?!\d|Z)", text)
        if until and "dateTime" in start:
            # UNTIL on the local clock is what many programs write; an instant is what Google keeps.
            local = datetime.strptime(until.group(1), "%Y%m%dT%H%M%S")  # noqa: DTZ007
            moment = in_utc(local, times.zone(start["timeZone"]))
            text = text.replace(until.group(0), f"UNTIL={moment:%Y%m%dT%H%M%SZ}")
        return text

    def _dates(self, name: str, dates: Any, start: Json) -> list[str]:
        if str(dates.params.get("VALUE", "")).upper() == "PERIOD":
            raise Unreadable(f"{name} with periods has no counterpart")
        if "date" in start:
            days = ",".join(f"{item.dt:%Y%m%d}" for item in dates.dts)
            return [f"{name};VALUE=DATE:{days}"]
        moments = []
        for item in dates.dts:
            if not isinstance(item.dt, datetime):
                # A whole day cannot name an occurrence of a timed series; its start on that day can.
                clock = datetime.fromisoformat(start["dateTime"]).time()
                local = datetime.combine(item.dt, clock).isoformat()
                value = {"dateTime": local, "timeZone": start["timeZone"]}
            else:
                value = self._event_time(name, item.dt, str(dates.params.get("TZID", "")))
            moment = datetime.fromisoformat(value["dateTime"])
            moments.append(in_utc(moment, times.zone(value["timeZone"])) if moment.tzinfo is None else moment)
        return [f"{name}:" + ",".join(f"{m.astimezone(UTC):%Y%m%dT%H%M%SZ}" for m in moments)]

    def _flags(self) -> Json:
        flags: Json = {}
        visibility = _CLASSES.get(self._text("CLASS").upper())
        if visibility:
            flags["visibility"] = visibility
        if self._text("TRANSP").upper() == "TRANSPARENT":
            flags["transparency"] = "transparent"
        if self._text("STATUS").upper() == "TENTATIVE":
            flags["status"] = "tentative"
        sequence = self._text("SEQUENCE")
        if sequence.isdigit():
            flags["sequence"] = min(int(sequence), 2**31 - 1)
        return flags

    def _people(self) -> Json:
        attendees = []
        for attendee in _listed(self.component.get("ATTENDEE")):
            email = _email(attendee)
            if email is None:
                self.notes.append(f"ATTENDEE {attendee} left out: not an address")
                continue
            parameters = attendee.params
            person: Json = {"email": email}
            person["responseStatus"] = _ANSWERS.get(str(parameters.get("PARTSTAT", "")).upper(), "needsAction")
            if parameters.get("CN"):
                person["displayName"] = str(parameters["CN"])
            if str(parameters.get("ROLE", "")).upper() == "OPT-PARTICIPANT":
                person["optional"] = True
            if str(parameters.get("CUTYPE", "")).upper() in {"RESOURCE", "ROOM"}:
                person["resource"] = True
            attendees.append(person)
        if len(attendees) > 200:
            self.notes.append(f"{len(attendees) - 200} attendees left out")
        organizer = _email(next(iter(_listed(self.component.get("ORGANIZER"))), None))
        people: Json = {"attendees": attendees[:200]} if attendees else {}
        return people | ({"organizer": {"email": organizer}} if organizer else {})

    def _alarms(self) -> Json:
        overrides: list[Json] = []
        for alarm in self.component.walk("VALARM"):
            trigger = alarm.get("TRIGGER")
            before = getattr(trigger, "dt", None)
            minutes = -before.total_seconds() / 60 if isinstance(before, timedelta) else -1
            related = str(trigger.params.get("RELATED", "START")).upper() if trigger is not None else ""
            if not 0 <= minutes <= 40320 or related != "START":
                self.notes.append("an alarm left out: not 0 to 40320 minutes before the start")
                continue
            method = "email" if str(alarm.get("ACTION", "")).upper() == "EMAIL" else "popup"
            override = {"method": method, "minutes": int(minutes)}
            if override not in overrides:
                overrides.append(override)
        if len(overrides) > 5:
            self.notes.append(f"{len(overrides) - 5} alarms left out")
        return {"reminders": {"useDefault": False, "overrides": overrides[:5]}} if overrides else {}


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _email(value: Any) -> str | None:
    text = re.sub(r"(?i)^mailto:", "", str(value or "")).strip()
    return text.lower() if _ADDRESS.match(text) else None


def _day(day: date) -> Json:
    return {"date": day.isoformat()}
