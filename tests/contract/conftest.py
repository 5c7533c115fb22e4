"""Stages for the contract tests: one per way to a calendar, started once, swept for each test."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from shared.model import Privacy
from shared.providers.base import CalendarApi
from tests.contract.google_stage import GoogleStage
from tests.contract.microsoft_stage import MicrosoftStage
from tests.contract.organization_stages import (
    GoogleDelegationStage,
    MicrosoftApplicationStage,
    MicrosoftDelegatedStage,
)
from tests.contract.stage import Stage

STAGES: Final[dict[str, Callable[[], Any]]] = {"google": GoogleStage, "microsoft": MicrosoftStage}
"""One per provider: a person who signs in."""
ORGANIZATION_STAGES: Final[dict[str, Callable[[], Any]]] = {
    "google_delegation": GoogleDelegationStage,
    "microsoft_application": MicrosoftApplicationStage,
    "microsoft_delegated": MicrosoftDelegatedStage,
}
"""Staff of an organisation, who sign in nowhere."""
WAYS: Final = STAGES | ORGANIZATION_STAGES
PUSHING: Final = sorted(set(WAYS) - {"microsoft_delegated"})


@pytest.fixture(scope="session")
def built() -> Iterator[Callable[[str], Any]]:
    """Starts a stage when it is first asked for, and strikes them all at the end."""
    stages: dict[str, Any] = {}

    def build(name: str) -> Any:
        if name not in stages:
            stages[name] = WAYS[name]()
        return stages[name]

    yield build
    for each in stages.values():
        each.close()


def swept(stage: Any) -> Iterator[Any]:
    """A stage for one test. Whatever passed on the wire meanwhile is held to the provider's own documents."""
    stage.reset()
    yield stage
    faults = stage.wire_faults()
    assert not faults, "on the wire:\n" + "\n".join(faults)


@pytest.fixture(params=sorted(WAYS))
def stage(request: pytest.FixtureRequest, built: Callable[[str], Any]) -> Iterator[Stage]:
    yield from swept(built(request.param))


@pytest.fixture
def application(built: Callable[[str], Any]) -> Iterator[MicrosoftApplicationStage]:
    yield from swept(built("microsoft_application"))


@pytest.fixture
def delegated(built: Callable[[str], Any]) -> Iterator[MicrosoftDelegatedStage]:
    yield from swept(built("microsoft_delegated"))


@pytest.fixture
def delegation(built: Callable[[str], Any]) -> Iterator[GoogleDelegationStage]:
    yield from swept(built("google_delegation"))


@pytest.fixture
def google(built: Callable[[str], Any]) -> Iterator[GoogleStage]:
    yield from swept(built("google"))


@pytest.fixture
def microsoft(built: Callable[[str], Any]) -> Iterator[MicrosoftStage]:
    yield from swept(built("microsoft"))


@pytest.fixture
def calendars(stage: Stage) -> CalendarApi:
    """The person's calendars, everything shown."""
    return stage.session().calendars


@pytest.fixture
def busy_only(stage: Stage) -> CalendarApi:
    return stage.session(privacy=Privacy.BUSY_ONLY).calendars
