"""An account that is connected through an organisation: the same stories, by somebody else's permission.

`connect` is what an administrator does, as far as this side of it is concerned: set up, authorise, put the person on
the list. It may be done again at any time. At Google a service account's key signs, at Microsoft the app itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shared import connections, organizations, staff
from shared.disconnect import Choice, Fate
from shared.model import Connection, Owner
from shared.oauth_state import digest
from shared.providers.google import delegation
from shared.providers.microsoft import app_grant
from shared.staff import Entry
from tests.machine.model import OWNER
from tests.machine.sides import ACCOUNT, MicrosoftSide

if TYPE_CHECKING:
    from tests.machine.world import World

ADMIN = Owner(OWNER.org, "boss")
PAGE = "https://page.test/"
KEEP = Choice(Fate.KEEP, Fate.KEEP)


class MemoryKeys:
    """See `shared.organization_keys.OrganizationKeys`."""

    def __init__(self) -> None:
        self._current: dict[str, bytes] = {}
        self._waiting: dict[str, bytes] = {}

    def current(self, organization_id: str, *, fresh: bool = False) -> bytes | None:
        return self._current.get(organization_id)

    def waiting(self, organization_id: str) -> bytes | None:
        return self._waiting.get(organization_id)

    def put(self, organization_id: str, secret: bytes) -> None:
        self._waiting[organization_id] = secret

    def use_waiting(self, organization_id: str) -> None:
        if organization_id in self._waiting:
            self._current[organization_id] = self._waiting.pop(organization_id)

    def erase(self, organization_id: str) -> None:
        self._current.pop(organization_id, None)
        self._waiting.pop(organization_id, None)


def forget_tokens() -> None:
    """A process that is gone takes the tokens along that it kept."""
    app_grant._held.cache_clear()
    delegation._held.cache_clear()


def connect(world: World, name: str) -> Connection:
    """The person's connection, which becomes active once its job has run."""
    side, house = world.sides[name], world.house
    side.let_in()
    drafted = organizations.set_up(house, OWNER.org, name, side.wanted())
    person = staff.put(house, drafted, Entry(OWNER.user_id, ACCOUNT, enabled=True), KEEP, lambda: False)
    if isinstance(side, MicrosoftSide):
        away = replace(connections.attempt(house, ADMIN, name, PAGE), organization=drafted.organization)
        store = house.store.connections
        store.create(away, flow=b"{}", state_digest="state")
        store.take_flow(away.id, "state")
        store.hold_grant(away, app_grant.encode_application(side.account.tenant), digest("yes"))
        organizations.confirm(house, ADMIN, away.id, "yes")
    else:
        organizations.authorize(house, world.consent, drafted, ADMIN, PAGE)
    return person
