"""How Google's calendar list is read."""

from __future__ import annotations

import pytest

from shared.model import Access
from shared.providers.google.calendar import _read_calendar


@pytest.mark.parametrize(
    ("identifier", "resource"),
    [
        ("c_188abc@resource.calendar.google.com", True),
        ("anna@example.com", False),
        ("abc@group.calendar.google.com", False),
        ("resource.calendar.google.com@example.com", False),
    ],
)
def test_a_room_is_told_from_a_persons_calendar_by_its_address(identifier: str, resource: bool) -> None:
    read = _read_calendar({"id": identifier, "summary": "Room 7", "accessRole": "reader"})
    assert (read.resource, read.access, read.primary) == (resource, Access.READER, False)


def test_an_entry_that_says_little_gives_no_access_by_mistake() -> None:
    read = _read_calendar({"id": "x@example.com"})
    assert (read.name, read.zone, read.access) == ("x@example.com", "UTC", Access.FREE_BUSY)
