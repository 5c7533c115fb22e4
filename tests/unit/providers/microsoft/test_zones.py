"""Zones: no name is lost, none is guessed."""

from importlib import resources

import pytest
from tzlocal.windows_tz import win_tz

from shared.providers.microsoft.zones import to_iana, to_windows

ALL = resources.files("tzdata").joinpath("zones").read_text().split()


def test_every_iana_zone_has_a_windows_name_but_for_those_that_windows_lacks() -> None:
    assert [zone for zone in ALL if to_windows(zone) is None] == ["Antarctica/Troll", "Factory"]


def test_every_zone_comes_back_as_it_was_written_if_its_name_was_kept() -> None:
    for zone in ALL:
        windows = to_windows(zone)
        if windows is not None:
            assert to_iana(windows, zone) == zone


def test_every_windows_name_is_known() -> None:
    assert all(to_windows(to_iana(name)) == name for name in win_tz)


def test_a_kept_name_that_means_other_clocks_now_is_dropped() -> None:
    assert to_iana("W. Europe Standard Time", "Australia/Sydney") == "Europe/Berlin"
    assert to_iana("Europe/Vienna", "Europe/Rome") == "Europe/Rome"
    assert to_iana("Europe/Vienna") == "Europe/Vienna"


@pytest.mark.parametrize("name", ["", None, "tzone://Microsoft/Custom", "Customized Time Zone", "../etc/passwd", "UTC"])
def test_a_name_that_nobody_knows_leaves_the_instant(name: str | None) -> None:
    assert to_iana(name) == "UTC"


@pytest.mark.parametrize("zone", ["", "W. Europe Standard Time", "Nowhere/Land", "../x"])
def test_what_is_no_iana_zone_has_no_windows_name(zone: str) -> None:
    assert to_windows(zone) is None
