"""Staying below a provider's quota by ourselves."""

import pytest

from shared.errors import Paced
from shared.providers.pace import Pace


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_call_beyond_the_minutes_quota_is_not_made_and_says_how_long_to_wait() -> None:
    clock = Clock()
    pace = Pace(3, clock)
    pace.spend(1)
    clock.now += 10
    pace.spend(2)
    with pytest.raises(Paced) as caught:
        pace.spend(1)
    assert caught.value.delay == 50


def test_units_are_free_again_after_a_minute_and_not_before() -> None:
    clock = Clock()
    pace = Pace(3, clock)
    pace.spend(3)
    clock.now += 59
    with pytest.raises(Paced):
        pace.spend(1)
    clock.now += 1
    pace.spend(3)


def test_a_refused_call_costs_nothing() -> None:
    clock = Clock()
    pace = Pace(3, clock)
    pace.spend(2)
    with pytest.raises(Paced):
        pace.spend(2)
    pace.spend(1)
