"""What counts as the same, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model import (
    CANCELLED,
    CONTENT_FIELDS,
    SERIES_FIELDS,
    Attendee,
    EventStatus,
    Reminder,
    Response,
    ShowAs,
    Span,
    Visibility,
    ZonedTime,
)
from shared.sync.fingerprint import (
    CANCELLED_FINGERPRINT,
    FOLLOWS,
    fingerprint_content,
    fingerprint_override,
    fingerprint_series,
    fingerprint_value,
)
from tests.unit.sync.memory import content, span

ANN, BOB = Attendee("ann@example.com", "Ann"), Attendee("bob@example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\r\nb", "a\nb"),
        ((ANN, BOB), (BOB, ANN)),
        ((ANN,), (replace(ANN, email="Ann@Example.COM"),)),
        ((Reminder(10), Reminder(5, "email")), (Reminder(5, "email"), Reminder(10))),
        (Visibility.PRIVATE, "private"),
    ],
)
def test_what_people_would_not_notice_is_the_same(one: object, other: object) -> None:
    assert fingerprint_value(one) == fingerprint_value(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "\n"),
        (None, ()),
        ((), (Reminder(0),)),
        ((Reminder(10),), (Reminder(10, "email"),)),
        ((ANN,), (replace(ANN, response=Response.DECLINED),)),
        ((ANN,), (replace(ANN, optional=True),)),
        ((ANN,), (ANN, BOB)),
        (("RRULE:FREQ=DAILY", "EXDATE:20270301"), ("EXDATE:20270301", "RRULE:FREQ=DAILY")),
        (span(9), span(10)),
        (span(9), replace(span(9), start=replace(span(9).start, zone="Europe/Paris"))),  # type: ignore[type-var]
        (Span(date(2027, 3, 1), date(2027, 3, 2)), Span(date(2027, 3, 1), date(2027, 3, 3))),
        (
            Span(date(2027, 3, 1), date(2027, 3, 2)),
            Span(ZonedTime(datetime(2027, 3, 1), "UTC"), ZonedTime(datetime(2027, 3, 2), "UTC")),  # noqa: DTZ001
        ),
    ],
)
def test_what_people_would_notice_is_not_the_same(one: object, other: object) -> None:
    assert fingerprint_value(one) != fingerprint_value(other)


DIFFERENT: dict[str, Any] = {
    "span": span(11),
    "title": "Call",
    "description": "Bring papers",
    "location": "Room 2",
    "visibility": Visibility.PUBLIC,
    "show_as": ShowAs.FREE,
    "status": EventStatus.TENTATIVE,
    "attendees": (ANN,),
    "reminders": (),
}


def test_each_field_is_a_unit_of_its_own() -> None:
    before = fingerprint_content(content())
    assert set(before) == set(CONTENT_FIELDS) == set(DIFFERENT)
    for name, value in DIFFERENT.items():
        after = fingerprint_content(content(**{name: value}))
        assert {field for field in after if after[field] != before[field]} == {name}


def test_the_rule_of_a_series_is_a_unit_beside_its_fields() -> None:
    single, series = fingerprint_series(content(), ()), fingerprint_series(content(), ("RRULE:FREQ=DAILY",))
    assert set(single) == set(SERIES_FIELDS)
    assert {name for name in single if single[name] != series[name]} == {"recurrence"}


def test_following_being_cancelled_and_being_changed_are_three_things() -> None:
    assert fingerprint_override(None) == FOLLOWS
    assert fingerprint_override(CANCELLED) == CANCELLED_FINGERPRINT
    assert fingerprint_override(content()) == fingerprint_content(content())
    assert len({str(fingerprint_override(each)) for each in (None, CANCELLED, content())}) == 3


def test_fingerprints_do_not_change_between_releases() -> None:
    """They are stored: a change of their making is an edit of every field of every event, on both sides at once."""
    assert fingerprint_value("Visit") == "XV1bLxkw"
    assert fingerprint_value(span()) == "xiyQXyS6"
    assert fingerprint_value((ANN, BOB)) == "RjhszCTv"
    assert fingerprint_value(()) == "9IIS0yDE"


def test_half_a_character_does_not_stop_the_sync() -> None:
    """JSON may hold a lone surrogate; UTF-8 cannot."""
    assert fingerprint_value("broken \ud83d") != fingerprint_value("broken ")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(), st.text())
def test_two_texts_are_the_same_only_if_they_read_the_same(one: str, other: str) -> None:
    same = one.replace("\r\n", "\n") == other.replace("\r\n", "\n")
    assert (fingerprint_value(one) == fingerprint_value(other)) == same
