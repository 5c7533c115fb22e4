from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from shared.calendar import expansion, rules, timezones


@pytest.fixture(scope="package", autouse=True)
def machine_far_from_utc() -> Iterator[None]:
    """The zone of the machine is nobody's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TZ", "Pacific/Kiritimati")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """What one test has cached would hide a fault from the next."""
    for module in (expansion, rules, timezones):
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()
