"""`tests.world` with the simulated Microsoft where Google is: the same handlers, on moto, over TLS on loopback."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import trustme
from flask import Flask
from werkzeug.serving import make_server

from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, create_app, echo
from tests.world import ACCOUNT, PAGE, LambdaContext, World, http_event, running_world

CLIENT_ID, CLIENT_SECRET = "11111111-2222-4333-8444-555555555555", "client-secret"
REDIRECT = "http://localhost:8400/oauth/callback/microsoft"


class OutlookWorld(World):
    """The connected account is Outlook's."""

    def __init__(self, world: World, microsoft: MicrosoftWorld, app: Flask, told: list[PushRequest]) -> None:
        self.__dict__.update(world.__dict__)
        self._control = app.test_client()
        self.microsoft, self.told = microsoft, told

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

    def deliver_pushes(self) -> None:
        from functions.webhook_receiver.handler import lambda_handler

        self.microsoft.flush_pushes()
        while self.told:
            push = self.told.pop(0)
            path = urlsplit(push.url)
            event = http_event(
                "POST", f"{path.path}?{path.query}", push.body.decode(), claims={}, headers=dict(push.headers)
            )
            with self.inside("webhook_receiver"):
                answer = lambda_handler({**event, "pathParameters": {"provider": "microsoft"}}, LambdaContext())
            assert answer["statusCode"] == 202, answer

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
    told: list[PushRequest] = []

    def take(push: PushRequest) -> PushReply:
        if push.kind != "handshake":
            told.append(push)
        return echo(push)

    microsoft = MicrosoftWorld(send_push=take, sleep=lambda _: None)
    microsoft.settings.empty_pages = "never"
    app = create_app(microsoft)
    with tempfile.TemporaryDirectory() as folder, running_world() as world:
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.cert_pem.write_to_path(str(Path(folder) / "ca.pem"))
        authority.issue_cert("localhost").configure_cert(context)
        server = make_server("localhost", 0, app, threaded=True, ssl_context=context)
        server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"https://localhost:{server.server_port}"
        os.environ.update(
            MICROSOFT_LOGIN_URL=url, MICROSOFT_GRAPH_URL=url, PROVIDER_CA_FILE=str(Path(folder) / "ca.pem")
        )
        entry = f'{{"client_id": "{CLIENT_ID}", "client_secret": "{CLIENT_SECRET}"}}'
        boto3.client("secretsmanager").put_secret_value(SecretId="microsoft-client", SecretString=entry)
        microsoft.add_app(CLIENT_ID, CLIENT_SECRET, [REDIRECT])
        microsoft.add_account(ACCOUNT, "Anna", time_zone="W. Europe Standard Time")
        try:
            yield OutlookWorld(world, microsoft, app, told)
        finally:
            server.shutdown()
            server.server_close()
