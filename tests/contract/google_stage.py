"""The stage with the simulated Google behind it."""

import itertools
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from werkzeug.serving import make_server

from shared.config import GoogleSettings
from shared.errors import ConnectionRevoked, SyncError
from shared.model import Access, OriginalStart, Privacy, Span, Visibility, When, ZonedTime
from shared.providers import open_provider
from shared.providers.base import ClientSecret, HttpRequest, Provider, Session
from shared.providers.google.auth import CALENDARS_SCOPE, SCOPES
from simulators.google import GoogleWorld, PushRequest, create_app
from simulators.serving import QuietHandler
from tests.contract.schemas import google as documented
from tests.contract.schemas.wire import Witness
from tests.contract.stage import Seen, Trouble

CLIENT = ClientSecret("client-1.apps.example.com", "client-secret-1")
_ROLES = {Access.OWNER: "owner", Access.WRITER: "writer", Access.READER: "reader", Access.FREE_BUSY: "freeBusyReader"}
_TROUBLES: dict[Trouble, dict[str, Any]] = {
    "throttled": {"kind": "user_rate_limit"},
    "throttled_for_seconds": {"kind": "too_many_requests", "retry_after": 42},
    "parked": {"kind": "quota_exceeded"},
    "outage": {"kind": "server_error"},
    "cut_before": {"kind": "cut_before", "times": 2},  # httplib2 tries a cut connection once more
    "cut_after": {"kind": "cut_after", "times": 2},
    "garbage_after": {"kind": "garbage_after"},
}
_SPOILING = frozenset({"garbage_after", "fields_missing"})
"""The faults after which an answer need not look like one of Google's."""


class GoogleStage:
    name = "google"
    redirect_uri = "http://127.0.0.1/oauth/callback/google"
    account_name = "anna@example.com"
    main = "anna@example.com"
    revokes = takes_ids = brings_back = side_by_side = lists_all = keeps_tokens = True
    unpassable = renews = False
    without_scope: tuple[type[SyncError], str] = (ConnectionRevoked, "scope_missing")
    permissions = {"calendar.events": "events", "calendarlist.readonly": "list"}  # noqa: RUF012
    told_as: Mapping[Access, Access] = {}

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._pushes: list[PushRequest] = []
        self._gate = threading.Event()
        self.world = GoogleWorld(send_push=self._receive, sleep=self._sleep)
        self._app = create_app(self.world)
        self.witness = Witness(self._app, documented.faults_of, self._spoilt)
        self._told: list[str] = []
        self._server = make_server("127.0.0.1", 0, self.witness, threaded=True, request_handler=QuietHandler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def behind_tls(self, context: ssl.SSLContext) -> Iterator[str]:
        """The same world once more, at an https address."""
        server = make_server("localhost", 0, self.witness, threaded=True, ssl_context=context)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        server.server_close()

    def reset(self) -> None:
        self.world.reset()
        self.mailbox = f"mailbox-{next(self._numbers)}"  # a process paces the calls of a mailbox
        self._pushes.clear()
        self.witness.forget()
        self._told.clear()
        self.world.add_client(CLIENT.client_id, CLIENT.client_secret, [self.redirect_uri])
        self.account_id = self.world.add_account(self.account_name, "Anna", time_zone="Europe/Berlin").sub

    def _sleep(self, seconds: float) -> None:
        self._gate.wait(seconds)

    def _receive(self, push: PushRequest) -> int:
        self._pushes.append(push)
        self._told.extend(documented.notification_faults(push.headers, b""))
        return 200

    def _spoilt(self) -> int:
        return sum(fault.hits for fault in self.world.faults.waiting if fault.kind in _SPOILING)

    def wire_faults(self) -> list[str]:
        return [*self._told, *self.witness.faults()]

    # --- opening ---------------------------------------------------------------------------------------------------

    def settings(self, *, reachable: bool = True) -> GoogleSettings:
        url = self.url if reachable else "http://127.0.0.1:9"
        return GoogleSettings(
            google_client_secret="unused", google_accounts_url=url, google_oauth_url=url, google_api_url=url
        )

    def provider(self, *, client_secret: str | None = None, reachable: bool = True) -> Provider:
        client = ClientSecret(CLIENT.client_id, client_secret or CLIENT.client_secret)
        return open_provider("google", self.settings(reachable=reachable), client)

    def secret(self, *, without_scope: bool = False) -> bytes:
        scopes = [CALENDARS_SCOPE] if without_scope else list(SCOPES)
        issued = self.control("tokens", email=self.account_name, client_id=CLIENT.client_id, scopes=scopes)
        fields = {"refresh_token": issued["refresh_token"], "token": issued["access_token"], "scopes": scopes}
        return json.dumps(fields | {"expiry": "2099-01-01T00:00:00"}).encode()

    def session(
        self, *, privacy: Privacy = Privacy.FULL, secret: bytes | None = None, reachable: bool = True
    ) -> Session:
        provider = self.provider(reachable=reachable)
        return provider.open(secret or self.secret(), quota_user=self.mailbox, privacy=privacy)

    def control(self, path: str, *, method: str = "POST", **body: Any) -> Any:
        answer = self._app.test_client().open(f"/control/{path}", method=method, json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.get_json(silent=True)

    # --- consent ---------------------------------------------------------------------------------------------------

    def consent(
        self,
        url: str,
        *,
        allow: bool = True,
        leave_out: tuple[str, ...] = (),
        lasting: bool = True,
        changes: Mapping[str, str | None] = {},
    ) -> dict[str, str]:
        parts = urlsplit(url)
        sent = dict(parse_qsl(parts.query))
        self._told.extend(documented.authorization_faults(sent))
        altered = sent | dict(changes) | ({} if lasting else {"access_type": None})
        asked = {name: value for name, value in altered.items() if value is not None}
        granted = [scope for scope in asked["scope"].split() if not scope.endswith(leave_out)] if leave_out else None
        form = {"account": self.account_name, "decision": "allow" if allow else "deny"}
        client = self._app.test_client()
        answer = client.post(
            urlunsplit(("", "", parts.path, urlencode(asked), "")),
            data=form | ({"scopes": "all"} if granted is None else {"granted": granted}),
        )
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def live_grants(self) -> int:
        return sum(grant["refresh_tokens"] for grant in self.control("grants", method="GET")["grants"])

    def tokens(self) -> set[str]:
        return {*self.world.codes, *self.world.access_tokens, *self.world.refresh_tokens}

    # --- the person at work ----------------------------------------------------------------------------------------

    def add_calendar(self, name: str, *, access: Access = Access.OWNER, watchable: bool = True) -> str:
        wanted: dict[str, Any] = {"summary": name, "role": _ROLES[access], "watchable": watchable}
        return str(self.control(f"accounts/{self.account_name}/calendars", **wanted)["id"])

    def add_event(self, calendar: str, title: str, span: Span, **more: Any) -> str:
        body = {"summary": title} | _times(span)
        if guests := more.pop("guests", None):
            body["attendees"] = [{"email": guest} for guest in guests]
        if visibility := more.pop("visibility", None):
            body["visibility"] = visibility.value
        return str(self.control(f"calendars/{calendar}/events", **body, **more)["id"])

    def retitle(self, calendar: str, remote_id: str, title: str) -> None:
        self.edit(calendar, remote_id, summary=title)

    def edit(self, calendar: str, remote_id: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.control(f"calendars/{calendar}/events/{remote_id}", method="PATCH", **fields)
        return answer

    def move_occurrence(self, calendar: str, remote_id: str, key: OriginalStart, to: Span) -> None:
        self.edit(calendar, f"{remote_id}_{key}", **_times(to))

    def cancel_occurrence(self, calendar: str, remote_id: str, key: OriginalStart) -> None:
        self.delete(calendar, f"{remote_id}_{key}")

    def delete(self, calendar: str, remote_id: str) -> None:
        self.control(f"calendars/{calendar}/events/{remote_id}", method="DELETE")

    def duplicate(self, calendar: str, remote_id: str) -> str:
        original = self.control(f"calendars/{calendar}/events/{remote_id}", method="GET")
        names = ("summary", "description", "start", "end", "recurrence", "attendees", "extendedProperties")
        copied = {name: original[name] for name in names if name in original}
        return str(self.control(f"calendars/{calendar}/events", **copied)["id"])

    def events(self, calendar: str) -> list[Seen]:
        items = self.control(f"calendars/{calendar}/events", method="GET")["items"]
        return [
            Seen(
                one["id"],
                one.get("summary", ""),
                Span(_when(one["start"]), _when(one["end"])),
                Visibility(one.get("visibility", "default")),
                one,
            )
            for one in items
        ]

    # --- trouble ---------------------------------------------------------------------------------------------------

    def fault(self, **fault: Any) -> None:
        self.control("faults", **fault)

    def trouble(self, kind: Trouble) -> None:
        self.fault(**_TROUBLES[kind])

    def sign_in_trouble(self, status: int) -> None:
        self.fault(kind="oauth_error", status=status)

    def short_pages(self, *, empty: bool = False) -> None:
        if empty:
            self.fault(kind="empty_page", match="events.list", times=1)
        self.fault(kind="page_size_cap", match="events.list", size=1, times=None)

    def expire_cursors(self) -> None:
        self.control("expire_sync_tokens")

    def expire_access_tokens(self) -> None:
        self.control("expire_tokens")

    def withdraw_consent(self) -> None:
        self.control("revoke", email=self.account_name)

    def lose_calendar(self, calendar: str) -> None:
        self.control(f"calendars/{calendar}", method="DELETE")

    def forget_deleted(self) -> None:
        self.control("forget_deleted")

    @contextmanager
    def hang(self) -> Iterator[None]:
        self._gate.clear()
        self.fault(kind="hang", seconds=30)
        try:
            with patch("shared.providers.google.grant.TIMEOUT", 0.2):
                yield
        finally:
            self._gate.set()

    # --- counts ----------------------------------------------------------------------------------------------------

    def calls(self) -> int:
        return int(self.control("calls", method="GET")["total"])

    def mails(self) -> int:
        warnings = self.control("calls", method="GET")["warnings"]
        assert warnings == {}, warnings
        return int(self.control("mails", method="GET")["count"])

    def notifications(self) -> Iterator[HttpRequest]:
        while self._pushes:
            push = self._pushes.pop(0)
            yield HttpRequest({name.lower(): value for name, value in push.headers.items()}, {}, b"")


def _times(span: Span) -> dict[str, Any]:
    return {"start": _time(span.start), "end": _time(span.end)}


def _time(when: When) -> dict[str, Any]:
    if isinstance(when, ZonedTime):
        local = when.local.replace(tzinfo=ZoneInfo(when.zone))
        return {"dateTime": local.isoformat(), "timeZone": when.zone, "date": None}
    return {"date": when.isoformat(), "dateTime": None, "timeZone": None}


def _when(raw: Mapping[str, str]) -> When:
    if "date" in raw:
        return date.fromisoformat(raw["date"])
    local = datetime.fromisoformat(raw["dateTime"]).astimezone(ZoneInfo(raw["timeZone"]))
    return ZonedTime(local.replace(tzinfo=None), raw["timeZone"])
