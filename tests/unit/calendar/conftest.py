from __future__ import annotations

import pytest

from shared.calendar import expansion, rules, timezones


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """What one test has cached would hide a fault from the next."""
    for module in (expansion, rules, timezones):
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()
