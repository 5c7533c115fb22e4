"""Recurrence lines as values: `parse` reads RFC 5545 lines, `lines_of` writes them in canonical form.

What `parse` lets through can be expanded at a bounded cost; everything else is a ValueError whose sentence names what
is wrong. `shared.calendar.expansion` walks a `Rule`, `shared.calendar.recurrence` a whole series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from shared.calendar.timezones import is_zone

MOST_LINES: Final = 100
MOST_RULES: Final = 10
MOST_DATES: Final = 2_000
MOST_TIMES_A_DAY: Final = 96
"""A rule may repeat every quarter of an hour, not more often."""

_LONGEST_LINE = 40_000
_YEARS = (1000, 8999)
"""Far enough from both ends of the calendar that no length of an event reaches over them."""
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Frequency(StrEnum):
    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"
    MINUTELY = "MINUTELY"
    SECONDLY = "SECONDLY"


UNIT_SECONDS: Final[Mapping[Frequency, int]] = {
    Frequency.HOURLY: 3600,
    Frequency.MINUTELY: 60,
    Frequency.SECONDLY: 1,
}
"""The frequencies within a day, by the length of their period."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a naive time of day. `zone` is IANA, `UTC` for a time written with Z, and empty for a floating time,
    which means the zone of the series."""

    value: date | datetime
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One RRULE. `by_day` holds (which, weekday): which = 0 is every such day of the period, weekday 0 is Monday."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Moment | None = None
    week_start: int = 0
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Every line of a series: what repeats it, what is excluded, and single dates of either kind."""

    rules: tuple[Rule, ...] = ()
    excluded_rules: tuple[Rule, ...] = ()
    dates: tuple[Moment, ...] = ()
    excluded_dates: tuple[Moment, ...] = ()


@lru_cache(maxsize=256)
def parse(lines: tuple[str, ...]) -> Recurrence:
    """Read the lines of one series, in any order and case. Raises ValueError."""
    if len(lines) > MOST_LINES:
        raise ValueError(f"There are more than {MOST_LINES} recurrence lines. Put the dates of one kind in one line.")
    rules: list[Rule] = []
    excluded_rules: list[Rule] = []
    dates: list[Moment] = []
    excluded: list[Moment] = []
    for line in lines:
        name, read = _read(line)
        match name:
            case "RRULE":
                rules.extend(each for each in read if isinstance(each, Rule))
            case "EXRULE":
                excluded_rules.extend(each for each in read if isinstance(each, Rule))
            case "RDATE":
                dates.extend(each for each in read if isinstance(each, Moment))
            case _:
                excluded.extend(each for each in read if isinstance(each, Moment))
    if lines and not rules and not dates:
        raise ValueError("Exceptions alone repeat nothing: an RRULE or RDATE line is missing.")
    if len(rules) + len(excluded_rules) > MOST_RULES:
        raise ValueError(f"There are more than {MOST_RULES} rules. Combine them, or list the dates with RDATE.")
    if len(dates) + len(excluded) > MOST_DATES:
        raise ValueError(f"There are more than {MOST_DATES} single dates. Use a rule for what repeats.")
    return Recurrence(_unique(rules), _unique(excluded_rules), _sorted(dates), _sorted(excluded))


def check_line(line: str) -> None:
    """Raise ValueError if the line cannot be read by itself; `parse` also judges how lines go together."""
    _read(line)


def lines_of(recurrence: Recurrence) -> tuple[str, ...]:
    """The canonical lines: RRULE, EXRULE, RDATE, EXDATE; one line per kind of date and zone."""
    return (
        *(f"RRULE:{_rule_text(rule)}" for rule in recurrence.rules),
        *(f"EXRULE:{_rule_text(rule)}" for rule in recurrence.excluded_rules),
        *_date_lines("RDATE", recurrence.dates),
        *_date_lines("EXDATE", recurrence.excluded_dates),
    )


# --- lines ---------------------------------------------------------------------------------------------------------


def _read(line: str) -> tuple[str, Sequence[Rule | Moment]]:
    """The kind of a line, and what it holds."""
    name, parameters, value = _split(line)
    if name in ("RRULE", "EXRULE"):
        if parameters:
            raise ValueError(f"{name} takes no parameters; write {name}:FREQ=…")
        return name, [_rule(value)]
    if name in ("RDATE", "EXDATE"):
        return name, _moments(name, parameters, value)
    raise ValueError(_unknown_line(name))


def _split(line: str) -> tuple[str, dict[str, str], str]:
    if len(line) > _LONGEST_LINE:
        raise ValueError("A recurrence line is too long.")
    if not line.isprintable():
        raise ValueError("A recurrence line holds a line break or a control character; give each line on its own.")
    head, colon, value = line.strip().partition(":")
    if not colon or not value:
        raise ValueError(f"{_shown(line)} is no recurrence line; an example is RRULE:FREQ=WEEKLY;BYDAY=MO.")
    name, *written = head.split(";")
    parameters: dict[str, str] = {}
    for parameter in written:
        key, equals, setting = parameter.partition("=")
        key = key.strip().upper()
        if not equals or key not in ("TZID", "VALUE") or key in parameters:
            raise ValueError(f"The parameter {_shown(parameter)} cannot be used here; only TZID and VALUE can, once.")
        parameters[key] = setting.strip().strip('"')
    return name.strip().upper(), parameters, value.strip()


def _unknown_line(name: str) -> str:
    if name in ("DTSTART", "DTEND", "DURATION"):
        return f"{name} does not belong in the recurrence: the event's start and end say it. Leave this line out."
    return f"{_shown(name)} is not one of RRULE, EXRULE, RDATE and EXDATE."


def _shown(text: str) -> str:
    """A few letters of what was sent, safe to repeat in a sentence."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"“{clean[:24]}…”" if len(clean) > 24 else f"“{clean}”"


# --- dates ---------------------------------------------------------------------------------------------------------


def _moments(name: str, parameters: Mapping[str, str], value: str) -> list[Moment]:
    kind = parameters.get("VALUE", "").upper()
    zone = parameters.get("TZID", "")
    if kind not in ("", "DATE", "DATE-TIME"):
        raise ValueError(f"{name} can hold VALUE=DATE or VALUE=DATE-TIME, not {_shown(kind)}.")
    if zone and not is_zone(zone):
        raise ValueError(f"{name} names the time zone {_shown(zone)}, which does not exist. Use an IANA name.")
    found = []
    for text in value.split(","):
        moment = _moment(text.strip(), name)
        timed = isinstance(moment.value, datetime)
        if (kind == "DATE" and timed) or (kind == "DATE-TIME" and not timed):
            raise ValueError(f"{name} says VALUE={kind}, but {_shown(text)} is of the other kind.")
        if not _YEARS[0] <= moment.value.year <= _YEARS[1]:
            raise ValueError(f"{name} holds {_shown(text)}; its year must lie between {_YEARS[0]} and {_YEARS[1]}.")
        found.append(Moment(moment.value, "UTC" if _is_utc(zone) else zone) if timed and not moment.zone else moment)
    return found


def _is_utc(zone: str) -> bool:
    return zone in ("UTC", "Etc/UTC", "Zulu", "Etc/Zulu")


def _moment(text: str, name: str) -> Moment:
    """`20270301`, `20270301T090000` or `20270301T090000Z`."""
    upper = text.upper()
    digits = upper.removesuffix("Z")
    day, mark, clock = digits.partition("T")
    plain = digits.isascii() and day.isdigit() and len(day) == 8
    if plain and not mark and upper == digits:
        form = "%Y%m%d"
    elif plain and clock.isdigit() and len(clock) == 6:
        form = "%Y%m%dT%H%M%S"
    else:
        raise ValueError(
            f"{name} holds {_shown(text)}, which is no date; write 20270301, 20270301T090000 or 20270301T090000Z."
        )
    try:
        read = datetime.strptime(digits, form).replace(tzinfo=UTC if upper.endswith("Z") else None)
    except ValueError:
        raise ValueError(f"{name} holds {_shown(text)}, and there is no such day or time.") from None
    if not mark:
        return Moment(read.date())
    return Moment(read.replace(tzinfo=None), "UTC" if read.tzinfo else "")


def _moment_text(moment: Moment) -> str:
    value = moment.value
    if not isinstance(value, datetime):
        return f"{value.year:04}{value:%m%d}"
    return f"{value.year:04}{value:%m%dT%H%M%S}{'Z' if moment.zone == 'UTC' else ''}"


def _kind_of(moment: Moment) -> tuple[bool, str]:
    return isinstance(moment.value, datetime), moment.zone


def _sorted(moments: Iterable[Moment]) -> tuple[Moment, ...]:
    return tuple(sorted(set(moments), key=lambda moment: (_kind_of(moment), _moment_text(moment))))


def _date_lines(name: str, moments: Iterable[Moment]) -> list[str]:
    kinds: dict[tuple[bool, str], list[str]] = {}
    for moment in moments:
        kinds.setdefault(_kind_of(moment), []).append(_moment_text(moment))
    lines = []
    for (timed, zone), values in kinds.items():
        parameter = "" if zone in ("", "UTC") else f";TZID={zone}"
        lines.append(f"{name}{parameter if timed else ';VALUE=DATE'}:{','.join(values)}")
    return lines


# --- rules ---------------------------------------------------------------------------------------------------------


def _rule(value: str) -> Rule:
    parts: dict[str, str] = {}
    for part in value.upper().removesuffix(";").split(";"):
        name, equals, setting = (piece.strip() for piece in part.partition("="))
        if not equals or not setting:
            raise ValueError(f"The rule holds {_shown(part)}, which is no PART=VALUE.")
        if name in parts:
            raise ValueError(f"The rule gives {_shown(name)} twice.")
        if name not in _PARTS:
            raise ValueError(f"The rule holds the unknown part {_shown(name)}. Known are {', '.join(_PARTS)}.")
        parts[name] = setting
    if "FREQ" not in parts:
        raise ValueError("The rule lacks FREQ, such as FREQ=WEEKLY.")
    rule = Rule(**{_PARTS[name][0]: _PARTS[name][1](setting, name) for name, setting in parts.items()})  # type: ignore[arg-type]
    _check(rule)
    return rule


def _check(rule: Rule) -> None:
    """Refuse combinations that RFC 5545 forbids, and rules that repeat too often."""
    frequency = rule.frequency
    within_week = frequency not in (Frequency.YEARLY, Frequency.MONTHLY)
    others = (
        *(rule.by_month, rule.by_week, rule.by_year_day, rule.by_month_day),
        *(rule.by_day, rule.by_hour, rule.by_minute, rule.by_second),
    )
    if rule.count is not None and rule.until is not None:
        raise ValueError("The rule gives both COUNT and UNTIL; give one of them.")
    if rule.by_week and frequency is not Frequency.YEARLY:
        raise ValueError("BYWEEKNO can be used with FREQ=YEARLY only.")
    if rule.by_year_day and frequency in (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.DAILY):
        raise ValueError(f"BYYEARDAY cannot be used with FREQ={frequency}; use BYMONTH and BYMONTHDAY.")
    if rule.by_month_day and frequency is Frequency.WEEKLY:
        raise ValueError("BYMONTHDAY cannot be used with FREQ=WEEKLY; use FREQ=MONTHLY.")
    if any(which for which, _ in rule.by_day) and (within_week or rule.by_week):
        raise ValueError("BYDAY with a number, such as 2TU, needs FREQ=MONTHLY or FREQ=YEARLY without BYWEEKNO.")
    if rule.by_position and not any(others):
        raise ValueError("BYSETPOS chooses among what another BY… part gives, and there is none.")
    if _times_a_day(rule) > MOST_TIMES_A_DAY:
        raise ValueError(
            f"The rule repeats more than {MOST_TIMES_A_DAY} times a day. Use a larger INTERVAL, or FREQ=DAILY with "
            "BYHOUR and BYMINUTE."
        )


def _times_a_day(rule: Rule) -> int:
    """At most how often the rule repeats within a day, by its own parts alone."""
    hours, minutes, seconds = (len(part) or 1 for part in (rule.by_hour, rule.by_minute, rule.by_second))
    match rule.frequency:
        case Frequency.HOURLY:
            return -(-24 // rule.interval) * minutes * seconds
        case Frequency.MINUTELY:
            return -(-1440 // rule.interval) * seconds
        case Frequency.SECONDLY:
            return -(-86400 // rule.interval)
        case _:
            return hours * minutes * seconds


def _frequency(text: str, _name: str) -> Frequency:
    try:
        return Frequency(text)
    except ValueError:
        raise ValueError(f"FREQ is {_shown(text)}; it can be {', '.join(Frequency)}.") from None


def _number(text: str, name: str, low: int, high: int) -> int:
    digits = text[1:] if text[0] in "+-" else text
    known = digits.isascii() and digits.isdigit() and len(digits) <= 9
    number = int(text) if known else 0
    if not known or not low <= number <= high or (number == 0 and low < 0):
        bounds = f"{-high} to -1 or 1 to {high}" if low < 0 else f"{low} to {high}"
        raise ValueError(f"{name} holds {_shown(text)}; it takes whole numbers from {bounds}.")
    return number


def _one(low: int, high: int) -> Callable[[str, str], int]:
    return lambda text, name: _number(text, name, low, high)


def _several(low: int, high: int) -> Callable[[str, str], tuple[int, ...]]:
    def read(text: str, name: str) -> tuple[int, ...]:
        pieces = (piece.strip() or "?" for piece in text.split(","))
        return tuple(sorted({_number(piece, name, low, high) for piece in pieces}))

    return read


def _weekday(text: str, name: str) -> int:
    if text not in _WEEKDAYS:
        raise ValueError(f"{name} holds {_shown(text)}; a weekday is one of {', '.join(_WEEKDAYS)}.")
    return _WEEKDAYS.index(text)


def _weekdays(text: str, name: str) -> tuple[tuple[int, int], ...]:
    found = set()
    for piece in text.split(","):
        which, day = piece.strip()[:-2], piece.strip()[-2:]
        found.add((_number(which, name, -53, 53) if which else 0, _weekday(day, name)))
    return tuple(sorted(found))


_PARTS: Final[Mapping[str, tuple[str, Callable[[str, str], object]]]] = {
    "FREQ": ("frequency", _frequency),
    "INTERVAL": ("interval", _one(1, 999_999_999)),
    "COUNT": ("count", _one(1, 999_999_999)),
    "UNTIL": ("until", _moment),
    "WKST": ("week_start", _weekday),
    "BYMONTH": ("by_month", _several(1, 12)),
    "BYWEEKNO": ("by_week", _several(-53, 53)),
    "BYYEARDAY": ("by_year_day", _several(-366, 366)),
    "BYMONTHDAY": ("by_month_day", _several(-31, 31)),
    "BYDAY": ("by_day", _weekdays),
    "BYHOUR": ("by_hour", _several(0, 23)),
    "BYMINUTE": ("by_minute", _several(0, 59)),
    "BYSECOND": ("by_second", _several(0, 59)),
    "BYSETPOS": ("by_position", _several(-366, 366)),
}
"""Every part of a rule in canonical order: the field of `Rule` it fills, and how it is read."""


def _rule_text(rule: Rule) -> str:
    """Canonical: parts in the order of `_PARTS`, defaults and what has no effect left out."""
    weeks_matter = rule.by_week or (rule.frequency is Frequency.WEEKLY and (rule.interval > 1 or rule.by_position))
    texts = {
        "FREQ": str(rule.frequency),
        "INTERVAL": str(rule.interval) if rule.interval != 1 else "",
        "COUNT": str(rule.count or ""),
        "UNTIL": _moment_text(rule.until) if rule.until else "",
        "WKST": _WEEKDAYS[rule.week_start] if rule.week_start and weeks_matter else "",
        "BYDAY": ",".join(f"{which or ''}{_WEEKDAYS[day]}" for which, day in rule.by_day),
    }
    for name in _PARTS:
        if name not in texts:
            texts[name] = ",".join(str(number) for number in getattr(rule, _PARTS[name][0]))
    return ";".join(f"{name}={texts[name]}" for name in _PARTS if texts[name])


def _unique(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    by_text = {_rule_text(rule): rule for rule in rules}
    return tuple(by_text[text] for text in sorted(by_text))
