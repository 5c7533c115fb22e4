"""`tests.world` as the simulated Microsoft's own: the same handlers, on moto, for an account of Outlook's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.world import ACCOUNT, PAGE, World, running_world


class OutlookWorld(World):
    """The connected account is Outlook's."""

    def __init__(self, world: World) -> None:
        self.__dict__.update(world.__dict__)
        self._control = world.microsoft._control

    def connect(self, *, user: str = "anna", account: str = ACCOUNT, drain: bool = True) -> str:
        status, begun = self.api("POST", "/v1/connections", {"provider": "microsoft", "return_to": PAGE}, user=user)
        assert status == 201, begun
        came_back = self.callback(self.consent(begun["authorization_url"], account=account), "microsoft")
        location = urlsplit(came_back["headers"]["location"])
        query, fragment = dict(parse_qsl(location.query)), dict(parse_qsl(location.fragment))
        assert query["status"] == "confirm", query
        path = f"/v1/connections/{query['connection_id']}/confirm"
        status, confirmed = self.api("POST", path, {"confirmation": fragment["confirmation"]}, user=user)
        assert status == 200, confirmed
        if drain:
            self.drain()
        return str(confirmed["id"])

    def there(self, calendar: str = ACCOUNT) -> list[dict[str, Any]]:
        return list(self.control("GET", f"calendars/{calendar}/events")["value"])

    def add_there(self, calendar: str = ACCOUNT, **members: object) -> dict[str, Any]:
        zone = "W. Europe Standard Time"
        start, end = ({"dateTime": f"2027-03-01T{hour}:00:00", "timeZone": zone} for hour in ("09", "10"))
        body = {"subject": "Appointment", "start": start, "end": end, **members}
        return dict(self.control("POST", f"calendars/{calendar}/events?ids=immutable", body))


@contextmanager
def running_outlook_world() -> Iterator[OutlookWorld]:
    """A fresh world; everything of it is gone afterwards. No empty page is served, so that counts are the least."""
    with running_world() as world:
        world.microsoft.world.settings.empty_pages = "never"
        world.microsoft.world.add_account(ACCOUNT, "Anna", time_zone="W. Europe Standard Time")
        yield OutlookWorld(world)
