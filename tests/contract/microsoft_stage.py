"""The stage with the simulated Microsoft behind it, over TLS, as MSAL takes no other authority."""

import itertools
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

import msal
import trustme
from tzlocal.windows_tz import tz_win, win_tz
from werkzeug.serving import make_server

from shared.calendar.recurrence import parse_original_start
from shared.config import MicrosoftSettings
from shared.errors import ConnectionRevoked, SyncError
from shared.model import Access, OriginalStart, Privacy, Span, Visibility, When, ZonedTime
from shared.providers.base import ClientSecret, HttpRequest, Provider, Session
from shared.providers.microsoft import MicrosoftProvider, recurrence
from shared.providers.microsoft import calendar as adapter
from shared.providers.microsoft.grant import SCOPES, encode_secret
from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, create_app, echo
from simulators.serving import QuietHandler, secure
from tests.contract.schemas import graph as documented
from tests.contract.schemas.wire import Witness
from tests.contract.stage import Seen, Trouble

CLIENT = ClientSecret("11111111-2222-4333-8444-555555555555", "client-secret-1")
_SENSITIVITY = {Visibility.PRIVATE: "private", Visibility.CONFIDENTIAL: "confidential"}
_VISIBILITY = {"private": Visibility.PRIVATE, "personal": Visibility.PRIVATE, "confidential": Visibility.CONFIDENTIAL}
_TROUBLES: dict[Trouble, dict[str, Any]] = {
    "throttled": {"kind": "too_many_requests", "retry_after": 5},
    "throttled_for_seconds": {"kind": "too_many_requests", "retry_after": 42},
    "parked": {"kind": "too_many_requests", "retry_after": 7200},
    "outage": {"kind": "server_error"},
    "cut_before": {"kind": "cut_before"},
    "cut_after": {"kind": "cut_after"},
    "garbage_after": {"kind": "garbage_after"},
}
_SPOILING = frozenset({"garbage_after", "fields_missing"})
"""The faults after which an answer need not look like one of Graph's."""
_PAGE_SIZE = adapter.PAGE_SIZE


class MicrosoftStage:
    name = "microsoft"
    redirect_uri = "http://localhost/oauth/callback/microsoft"
    account_name = "anna@example.com"
    grantor = account_name
    """Who signs in."""
    revokes = takes_ids = brings_back = side_by_side = False
    unpassable = renews = lists_all = keeps_tokens = True
    without_scope: tuple[type[SyncError], str] = (ConnectionRevoked, "scope_missing")
    permissions = {"Calendars.ReadWrite": "calendars"}  # noqa: RUF012
    told_as = {Access.FREE_BUSY: Access.READER}  # noqa: RUF012

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._pushes: list[PushRequest] = []
        self._gate = threading.Event()
        self._folder = tempfile.TemporaryDirectory()
        authority = trustme.CA()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        self.world = MicrosoftWorld(send_push=self._receive, sleep=self._sleep)
        self._app = create_app(self.world)
        self.witness = Witness(self._app, documented.faults_of, self._spoilt)
        self._told: list[str] = []
        self._server = make_server("localhost", 0, self.witness, threaded=True, request_handler=QuietHandler)
        secure(self._server, context)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"https://localhost:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def reset(self) -> None:
        self.world.reset()
        self.mailbox = f"mailbox-{next(self._numbers)}"  # a process paces the calls of a mailbox
        self._pushes.clear()
        self.witness.forget()
        self._told.clear()
        self.endpoint: Callable[[PushRequest], PushReply] = echo
        adapter.PAGE_SIZE = _PAGE_SIZE  # type: ignore[misc]
        self.world.add_app(CLIENT.client_id, CLIENT.client_secret, [self.redirect_uri])
        account = self.world.add_account(self.account_name, "Anna", time_zone="W. Europe Standard Time")
        self.account_id = f"{account.oid}.{account.tenant}"
        self.main = self.world.default_calendar(self.account_name).id

    def _sleep(self, seconds: float) -> None:
        self._gate.wait(seconds)

    def _receive(self, push: PushRequest) -> PushReply:
        if push.kind != "handshake":
            self._pushes.append(push)
            self._told.extend(documented.notification_faults(push.headers, push.body))
        return self.endpoint(push)

    def _spoilt(self) -> int:
        return sum(fault.hits for fault in self.world.faults.waiting if fault.kind in _SPOILING)

    def wire_faults(self) -> list[str]:
        return [*self._told, *self.witness.faults()]

    # --- opening ---------------------------------------------------------------------------------------------------

    def settings(self, *, reachable: bool = True, tenant: str = "common") -> MicrosoftSettings:
        url = self.url if reachable else "https://localhost:9"
        return MicrosoftSettings(
            microsoft_client_secret="unused",
            microsoft_login_url=url,
            microsoft_graph_url=url,
            microsoft_tenant=tenant,
            provider_ca_file=self.ca_file,
        )

    def provider(self, *, client_secret: str | None = None, reachable: bool = True, tenant: str = "common") -> Provider:
        client = ClientSecret(CLIENT.client_id, client_secret or CLIENT.client_secret)
        return MicrosoftProvider(self.settings(reachable=reachable, tenant=tenant), client)

    def secret(self, *, without_scope: bool = False) -> bytes:
        scopes = ["User.Read"] if without_scope else list(SCOPES)
        issued = self.control("tokens", email=self.grantor, client_id=CLIENT.client_id, scopes=scopes)
        cache = msal.SerializableTokenCache()
        cache.add(
            {
                "client_id": CLIENT.client_id,
                "scope": issued["scope"].split(),
                "token_endpoint": f"{self.url}/common/oauth2/v2.0/token",
                "response": issued,
                "params": {},
                "data": {},
            }
        )
        return encode_secret(cache)

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
        account: str = "",
    ) -> dict[str, str]:
        """Microsoft's page lets nobody leave out a permission; the token that follows may lack one all the same.
        `account`: who answers, if it is not the person."""
        parts = urlsplit(url)
        sent = dict(parse_qsl(parts.query))
        self._told.extend(self._page_faults(parts.path, sent))
        asked = {name: value for name, value in (sent | dict(changes)).items() if value is not None}
        self.world.settings.withheld_scopes = [*leave_out, *([] if lasting else ["offline_access"])]
        answer = self._app.test_client().post(
            urlunsplit(("", "", parts.path, urlencode(asked), "")),
            data={"account": account or self.account_name, "decision": "allow" if allow else "deny"},
        )
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def _page_faults(self, path: str, sent: Mapping[str, str]) -> Iterator[str]:
        if path.endswith("/adminconsent"):
            return documented.admin_consent_faults(sent)
        return documented.authorization_faults(sent)

    def live_grants(self) -> int:
        return sum(grant["refresh_tokens"] for grant in self.control("grants", method="GET")["grants"])

    def tokens(self) -> set[str]:
        return {*self.world.codes, *self.world.access_tokens, *self.world.refresh_tokens}

    # --- the person at work ----------------------------------------------------------------------------------------

    def add_calendar(self, name: str, *, access: Access = Access.OWNER, watchable: bool = True) -> str:
        if access is Access.WRITER:
            owner = f"owner-{len(self.world.accounts)}@example.com"
            shared = self.world.default_calendar(self.world.add_account(owner).email)
            return self.world.share_calendar(shared.id, self.account_name, "write")
        wanted: dict[str, Any] = {"name": name, "kind": "secondary" if watchable else "holiday"}
        if access is not Access.OWNER:
            wanted["can_edit"] = False
        return str(self.control(f"accounts/{self.account_name}/calendars", **wanted)["id"])

    def add_event(self, calendar: str, title: str, span: Span, **more: Any) -> str:
        body: dict[str, Any] = {"subject": title} | _times(span)
        if guests := more.pop("guests", None):
            body["attendees"] = [{"emailAddress": {"address": guest}, "type": "required"} for guest in guests]
        if visibility := more.pop("visibility", None):
            body["sensitivity"] = _SENSITIVITY.get(visibility, "normal")
        if description := more.pop("description", None):
            body["body"] = {"contentType": "text", "content": description}
        if location := more.pop("location", None):
            body["location"] = {"displayName": location}
        if lines := more.pop("recurrence", None):
            pattern = recurrence.to_pattern(tuple(lines), span)
            assert isinstance(pattern, recurrence.PatternedRecurrence), pattern
            body["recurrence"] = recurrence.write(pattern, _zone(span.start))
        return str(self.control(f"{self._path(calendar)}/events?ids=immutable", **body, **more)["id"])

    def retitle(self, calendar: str, remote_id: str, title: str) -> None:
        self.edit(calendar, remote_id, subject=title)

    def edit(self, calendar: str, remote_id: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.control(self._path(calendar, remote_id), method="PATCH", **fields)
        return answer

    def move_occurrence(self, calendar: str, remote_id: str, key: OriginalStart, to: Span) -> None:
        times = {name: value for name, value in _times(to).items() if name != "isAllDay"}
        self.control(self._occurrence(calendar, remote_id, key), method="PATCH", **times)

    def cancel_occurrence(self, calendar: str, remote_id: str, key: OriginalStart) -> None:
        self.control(self._occurrence(calendar, remote_id, key), method="DELETE")

    def delete(self, calendar: str, remote_id: str) -> None:
        self.control(self._path(calendar, remote_id), method="DELETE")

    def duplicate(self, calendar: str, remote_id: str) -> str:
        original = self.control(self._path(calendar, remote_id), method="GET")
        names = ("subject", "body", "start", "end", "isAllDay", "recurrence", "showAs", "sensitivity")
        copied = {name: original[name] for name in names if original.get(name) is not None}
        marks = self._extended(remote_id)
        marked = {"singleValueExtendedProperties": [{"id": name, "value": value} for name, value in marks.items()]}
        return str(self.control(f"{self._path(calendar)}/events?ids=immutable", **copied, **marked)["id"])

    def events(self, calendar: str) -> list[Seen]:
        items = self.control(f"{self._path(calendar)}/events?ids=immutable", method="GET")["value"]
        return [
            Seen(
                one["id"],
                one["subject"],
                Span(_when(one, "start"), _when(one, "end")),
                _VISIBILITY.get(one["sensitivity"], Visibility.DEFAULT),
                one | {"extended": self._extended(one["id"])},
            )
            for one in items
        ]

    def _extended(self, remote_id: str) -> dict[str, str]:
        token = self.world.immutable_index[remote_id.removesuffix("EQAA")[-24:]]
        return dict(self.world.calendars[self.world.event_index[token]].events[token].extended)

    def _path(self, calendar: str, remote_id: str = "") -> str:
        path = f"calendars/{quote(calendar, safe='')}"
        return f"{path}/events/{quote(remote_id, safe='')}" if remote_id else path

    def _occurrence(self, calendar: str, remote_id: str, key: OriginalStart) -> str:
        series = self.control(self._path(calendar, remote_id), method="GET")
        named = parse_original_start(key)
        day = named if not isinstance(named, datetime) else named.astimezone(_clock(series["originalStartTimeZone"]))
        return f"{self._path(calendar, remote_id)}/occurrences/{day:%Y-%m-%d}"

    # --- trouble ---------------------------------------------------------------------------------------------------

    def fault(self, **fault: Any) -> None:
        self.control("faults", **fault)

    def trouble(self, kind: Trouble) -> None:
        self.fault(**_TROUBLES[kind])

    def sign_in_trouble(self, status: int) -> None:
        kind = "too_many_requests" if status == 429 else "server_error"
        self.fault(kind=kind, match="oauth.token", status=status)

    def short_pages(self, *, empty: bool = False) -> None:
        adapter.PAGE_SIZE = 1  # type: ignore[misc]
        self.world.settings.replays = False
        self.world.settings.empty_pages = "always" if empty else "never"

    def expire_cursors(self) -> None:
        self.control("expire_delta")

    def expire_access_tokens(self) -> None:
        self.control("expire_tokens")

    def withdraw_consent(self) -> None:
        self.control("revoke", email=self.account_name)

    def lose_calendar(self, calendar: str) -> None:
        self.control(self._path(calendar), method="DELETE")

    def forget_deleted(self) -> None:
        """Graph remembers no deleted event in the first place."""

    @contextmanager
    def hang(self) -> Iterator[None]:
        self._gate.clear()
        self.fault(kind="hang", seconds=30)
        try:
            with patch("shared.providers.microsoft.sessions.TIMEOUT", 0.2):
                yield
        finally:
            self._gate.set()

    # --- counts ----------------------------------------------------------------------------------------------------

    def calls(self) -> int:
        return int(self.control("calls", method="GET")["graph"])

    def mails(self) -> int:
        return int(self.control("mails", method="GET")["count"])

    def notifications(self) -> Iterator[HttpRequest]:
        while self._pushes:
            push = self._pushes.pop(0)
            headers = {name.lower(): value for name, value in push.headers.items()}
            yield HttpRequest(headers, dict(parse_qsl(urlsplit(push.url).query)), push.body)


def _times(span: Span) -> dict[str, Any]:
    return {"start": _time(span.start), "end": _time(span.end), "isAllDay": span.all_day}


def _time(when: When) -> dict[str, Any]:
    if isinstance(when, ZonedTime):
        return {"dateTime": when.local.isoformat(), "timeZone": _zone(when)}
    return {"dateTime": f"{when.isoformat()}T00:00:00", "timeZone": "UTC"}


def _zone(when: When) -> str:
    return str(tz_win[when.zone]) if isinstance(when, ZonedTime) else "UTC"


def _clock(name: str) -> ZoneInfo:
    return ZoneInfo(win_tz.get(name, name))


def _when(raw: Mapping[str, Any], member: str) -> When:
    text = raw[member]["dateTime"][:19]
    if raw["isAllDay"]:
        return date.fromisoformat(text[:10])
    name = raw["originalStartTimeZone" if member == "start" else "originalEndTimeZone"]
    zone = str(win_tz.get(name, name))
    local = datetime.fromisoformat(f"{text}+00:00").astimezone(ZoneInfo(zone))
    return ZonedTime(local.replace(tzinfo=None), zone)
