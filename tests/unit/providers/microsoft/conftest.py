"""The simulated Microsoft, started once, swept for each test that asks for it."""

from collections.abc import Iterator

import pytest

from shared.providers.base import CalendarApi
from tests.contract.microsoft_stage import MicrosoftStage


@pytest.fixture(scope="session")
def started() -> Iterator[MicrosoftStage]:
    stage = MicrosoftStage()
    yield stage
    stage.close()


@pytest.fixture
def microsoft(started: MicrosoftStage) -> Iterator[MicrosoftStage]:
    started.reset()
    yield started
    started.reset()


@pytest.fixture
def calendars(microsoft: MicrosoftStage) -> CalendarApi:
    return microsoft.session().calendars
