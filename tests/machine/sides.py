"""The two providers, each with the person who works in its own app.

A side says what is in its calendar now (`truth`), does what a person does (`add`, `edit`, `edit_occurrence`, …, all in
Lockstep's own words: field names and values of `shared.model`), and lets things go wrong (`fault`, `expire_cursors`
and the like).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msal
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.calendar.recurrence import parse_original_start
from shared.model import Account, OriginalStart, Series, ShowAs, Visibility, When, ZonedTime
from shared.organizations import Wanted
from shared.providers.google import delegation
from shared.providers.google.auth import SCOPES as GOOGLE_SCOPES
from shared.providers.microsoft import recurrence as graph_recurrence
from shared.providers.microsoft.grant import SCOPES as MICROSOFT_SCOPES
from shared.providers.microsoft.grant import encode_secret
from shared.providers.microsoft.zones import to_windows
from shared.providers.organizations import StaffAccess
from simulators.common.wire import Request, Response
from simulators.google import GoogleWorld, event_store, grants, oauth, series_split, service_accounts
from simulators.google import PushRequest as GooglePush
from simulators.google import api as google_api
from simulators.google import events as google_events
from simulators.google.call import Call as GoogleCall
from simulators.google.errors import ApiError
from simulators.google.model import ServiceAccount, ServiceAccountKey
from simulators.google.world import PushRule as GooglePushRule
from simulators.microsoft import MicrosoftWorld, PushReply, PushRequest, echo, graph, identity, ids, tokens, zones
from simulators.microsoft import authorize as microsoft_authorize
from simulators.microsoft import batch as microsoft_batch
from simulators.microsoft import events as microsoft_events
from simulators.microsoft import notifications as microsoft_notifications
from simulators.microsoft import series_split as microsoft_split
from simulators.microsoft.call import Call as MicrosoftCall
from simulators.microsoft.errors import AadError, GraphError
from simulators.microsoft.settings import PushRule as MicrosoftPushRule
from tests.machine.wire import GOOGLE, MICROSOFT

CLIENT_ID, CLIENT_SECRET = "11111111-2222-4333-8444-555555555555", "client-secret-1"
ONLOOKER = "99999999-2222-4333-8444-555555555555"
"""A client of its own for whoever only looks, so that looking changes nothing."""
ACCOUNT = "anna@example.com"
REDIRECT = "https://lockstep.test/oauth/callback/"

DOMAIN, SERVICE_ACCOUNT = "example.com", "sync@simulated.iam.gserviceaccount.com"

Push = tuple[str, Mapping[str, str], Mapping[str, str], bytes]
"""A notification under way: provider, headers, query, body."""


class Refused(Exception):
    """The provider's own app would not let the person do this."""


@cache
def service_key() -> tuple[str, str]:
    """The private and the public half of the service account's key, made once for all worlds."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


class _Simulated:
    """The trouble that both simulators make in the same way."""

    world: GoogleWorld | MicrosoftWorld

    def fault(self, **fault: Any) -> None:
        self.world.faults.add(fault)

    def end_faults(self) -> None:
        self.world.faults.waiting.clear()
        self.world.push_rules.clear()

    def expire_tokens(self) -> None:
        for token in self.world.access_tokens.values():
            token.expires_at = self.world.seconds()

    @property
    def throttled(self) -> int:
        return self.world.call_statuses[429]

    def deliver_due(self) -> None:
        self.world.deliver_due()


class GoogleSide(_Simulated):
    name = "google"
    world: GoogleWorld
    calendar = ACCOUNT

    def __init__(self, clock: Callable[[], datetime], seed: str, take: Callable[[Push], None], key: str | None) -> None:
        def receive(push: GooglePush) -> int:
            take(("google", {name.lower(): value for name, value in push.headers.items()}, {}, b""))
            return 200

        self.world = GoogleWorld(now=clock, send_push=receive, seed=seed, sleep=lambda _: None)
        self.world.signing_key_pem = key
        self.world.add_client(CLIENT_ID, CLIENT_SECRET, [f"{REDIRECT}google"])
        self.world.add_client(ONLOOKER, CLIENT_SECRET, [])
        self.account_id = self.world.add_account(ACCOUNT, "Anna", time_zone="Europe/Berlin").sub
        self.known_as = Account(self.account_id, ACCOUNT, ACCOUNT)

    # --- the administrator

    def let_in(self) -> None:
        """A service account may act for everybody in the domain."""
        if SERVICE_ACCOUNT not in self.world.service_accounts:
            _, public = service_key()
            keys = [ServiceAccountKey("key-1", public)]
            self.world.service_accounts[SERVICE_ACCOUNT] = ServiceAccount(SERVICE_ACCOUNT, "1000000001", keys)
        service_accounts.delegate(self.world, DOMAIN, "1000000001", list(delegation.SCOPES))

    def wanted(self) -> Wanted:
        key = {
            "type": "service_account",
            "client_email": SERVICE_ACCOUNT,
            "client_id": "1000000001",
            "private_key_id": "key-1",
            "private_key": service_key()[0],
        }
        return Wanted(
            place=DOMAIN,
            place_name="domain",
            display_name="Example",
            access=StaffAccess.APPLICATION,
            show_titles=True,
            key=json.dumps(key).encode(),
        )

    # --- the wire

    def answer(self, request: Request) -> Response:
        if request.path.startswith("/calendar/"):
            return google_api.answer(self.world, request)
        if request.path == "/token":
            return oauth.token(self.world, request, f"{GOOGLE}/token")
        if request.path == "/revoke":
            return oauth.revoke(self.world, request)
        if request.path == "/o/oauth2/v2/auth":
            return oauth.authorize(self.world, request)
        raise AssertionError(f"nothing at {request.path}")

    def secret(self, client: str = CLIENT_ID) -> bytes:
        """What a consent leads to."""
        scopes = grants.full_names(list(GOOGLE_SCOPES))
        grant = grants.add_scopes(self.world, client, ACCOUNT, scopes)
        refresh = grants.issue_refresh(self.world, grant, scopes)
        access = grants.issue_access(self.world, grant, scopes)
        expiry = datetime.fromtimestamp(access.expires_at, UTC).replace(tzinfo=None, microsecond=0)
        fields = {"refresh_token": refresh.value, "token": access.value, "scopes": sorted(scopes)}
        return json.dumps(fields | {"expiry": expiry.isoformat()}).encode()

    def secrets(self) -> list[str]:
        return [*self.world.refresh_tokens, *self.world.access_tokens, service_key()[0].splitlines()[5]]

    # --- the person

    def live(self) -> list[str]:
        """Ids of what is in the calendar, a series once, in the order it came."""
        records = self.world.calendars[self.calendar].events.values()
        return [one.id for one in records if not one.series_id and not one.cancelled]

    def text(self, event_id: str, start: OriginalStart, name: str) -> str:
        """What stands there now, of the event or of one occurrence."""
        events = self.world.calendars[self.calendar].events
        record = events.get(f"{event_id}_{start}") if start else None
        found = record if record is not None and not record.cancelled else events[event_id]
        return str(found.body.get({"title": "summary"}.get(name, name)) or "")

    def texts(self, event_id: str) -> list[tuple[OriginalStart, str]]:
        """Every text of the event and its exceptions."""
        calendar = self.world.calendars[self.calendar]
        found = [("", calendar.events[event_id])]
        found += [(one.id.rpartition("_")[2], one) for one in calendar.exceptions.get(event_id, {}).values()]
        texts = [(start, str(one.body.get(name) or "")) for start, one in found for name in ("summary", "description")]
        return texts + [
            (start, str(guest["email"])) for start, one in found for guest in one.body.get("attendees") or []
        ]

    def marks(self, event_id: str) -> str:
        """Our own mark on a copy, as it stands there."""
        return str(self.world.calendars[self.calendar].events[event_id].body.get("extendedProperties"))

    def is_cancelled(self, event_id: str, start: OriginalStart) -> bool:
        record = self.world.calendars[self.calendar].events.get(f"{event_id}_{start}")
        return record is not None and record.cancelled

    def has_dropped(self, event_id: str) -> bool:
        """Whether there are exceptions that the rule no longer holds: what becomes of them if it does again, Google
        does not say, and the simulator does not know."""
        return any(one.dropped for one in self.world.calendars[self.calendar].exceptions.get(event_id, {}).values())

    def guests(self, event_id: str) -> list[str]:
        """Addresses."""
        held = self.world.calendars[self.calendar].events[event_id].body.get("attendees") or []
        return [str(one["email"]) for one in held if not one.get("self")]

    def is_private(self, event_id: str) -> bool:
        visibility = self.world.calendars[self.calendar].events[event_id].body.get("visibility")
        return visibility in ("private", "confidential")

    def add(self, series: Series) -> str:
        body = _google_fields({name: getattr(series.content, name) for name in FIELDS})
        if series.recurrence:
            body["recurrence"] = list(series.recurrence)
        return str(self._do(google_events.insert, "", body)["id"])

    def edit(self, event_id: str, **fields: Any) -> None:
        self._do(google_events.patch, event_id, _google_fields(fields))

    def edit_occurrence(self, event_id: str, start: OriginalStart, **fields: Any) -> None:
        self._do(google_events.patch, f"{event_id}_{start}", _google_fields(fields))

    def cancel_occurrence(self, event_id: str, start: OriginalStart) -> None:
        self._do(google_events.delete, f"{event_id}_{start}")

    def delete(self, event_id: str) -> None:
        self._do(google_events.delete, event_id)

    def lose(self, event_id: str) -> None:
        """The event is gone, and no list of changes will ever tell of it."""
        calendar = self.world.calendars[self.calendar]
        del calendar.events[event_id]
        calendar.changes = [entry for entry in calendar.changes if entry[1] != event_id]
        event_store.reindex(calendar)

    def deleted(self) -> list[str]:
        """Ids of what is in the bin."""
        records = self.world.calendars[self.calendar].events.values()
        return [one.id for one in records if not one.series_id and one.cancelled]

    def restore(self, event_id: str) -> None:
        self._do(google_events.patch, event_id, {"status": "confirmed"})

    def split(self, event_id: str, start: OriginalStart, title: str) -> None:
        named = parse_original_start(start)
        moment = named.isoformat() if isinstance(named, datetime) else str(named)
        self._do(lambda call: series_split.split(call, moment, {"summary": title}), event_id)

    def _do(self, act: Callable[[GoogleCall], Any], event_id: str, body: Mapping[str, Any] | None = None) -> Any:
        path = {"calendarId": self.calendar, "eventId": event_id}
        call = GoogleCall(self.world, "control", ACCOUNT, "", path, query={}, body=dict(body or {}), as_user=True)
        try:
            answer = act(call)
        except ApiError as refusal:
            raise Refused(str(refusal)) from None
        self.world.flush_pushes()
        return answer

    # --- trouble

    def push_rule(self, mode: Any, times: int | None, seconds: float = 30.0) -> None:
        self.world.push_rules.append(GooglePushRule(mode, times, seconds))

    def expire_cursors(self) -> None:
        for calendar in self.world.calendars.values():
            calendar.token_epoch += 1

    def expire_subscriptions(self) -> None:
        for channel in self.world.channels.values():
            channel.stopped = True

    def revoke(self) -> None:
        grants.revoke_grant(self.world, CLIENT_ID, ACCOUNT)
        service_accounts.delegate(self.world, DOMAIN, "1000000001", [])

    def set_writable(self, writable: bool) -> None:
        self.world.calendars[self.calendar].roles[ACCOUNT] = "owner" if writable else "reader"
        self.world.calendars[self.calendar].list_change = self.world.next_stamp()

    @property
    def writable(self) -> bool:
        return self.world.calendars[self.calendar].roles[ACCOUNT] == "owner"

    def live_subscriptions(self) -> int:
        now = self.world.seconds() * 1000
        return sum(not one.stopped and one.expires_at_ms > now for one in self.world.channels.values())

    @property
    def mails(self) -> list[Any]:
        """What the app made Google send, and what it left to Google to decide."""
        return [*self.world.mails, *self.world.warnings]


class MicrosoftSide(_Simulated):
    name = "microsoft"
    world: MicrosoftWorld

    def __init__(self, clock: Callable[[], datetime], seed: str, take: Callable[[Push], None], key: str | None) -> None:
        def receive(push: PushRequest) -> PushReply:
            if push.kind != "handshake":
                query = dict(pair.split("=", 1) for pair in push.url.partition("?")[2].split("&") if "=" in pair)
                take(("microsoft", {}, query, push.body))
            return echo(push)

        self.world = MicrosoftWorld(now=clock, send_push=receive, seed=seed, sleep=lambda _: None)
        self.world.signing_key_pem = key
        self.world.add_app(CLIENT_ID, CLIENT_SECRET, [f"{REDIRECT}microsoft"])
        self.world.add_app(ONLOOKER, CLIENT_SECRET, [])
        account = self.world.add_account(ACCOUNT, "Anna", time_zone="W. Europe Standard Time")
        self.account = account
        self.account_id = f"{account.oid}.{account.tenant}"
        self.known_as = Account(self.account_id, ACCOUNT, ACCOUNT)
        self.calendar = self.world.default_calendar(ACCOUNT).id

    # --- the administrator

    def let_in(self) -> None:
        """The app itself is let into the tenant."""
        tenant = self.world.tenants[self.account.tenant]
        tenant.principals = sorted({*tenant.principals, CLIENT_ID})
        tenant.roles[CLIENT_ID] = ["Calendars.ReadWrite", "MailboxSettings.Read", "User.Read.All"]

    def wanted(self) -> Wanted:
        return Wanted(
            place=self.account.tenant,
            place_name="tenant",
            display_name="Example",
            access=StaffAccess.APPLICATION,
            show_titles=True,
        )

    # --- the wire

    def answer(self, request: Request) -> Response:
        path = request.path
        if path == "/v1.0/$batch":
            return microsoft_batch.answer(self.world, request, MICROSOFT)
        if path.startswith("/v1.0/"):
            return graph.answer(self.world, request, MICROSOFT)
        tenant = path.split("/")[1]
        if path.endswith("/oauth2/v2.0/token"):
            return identity.token(self.world, tenant, request, MICROSOFT)
        if path.endswith("/.well-known/openid-configuration"):
            return identity.configuration(self.world, tenant, MICROSOFT)
        if path.endswith("/discovery/v2.0/keys"):
            return identity.keys(self.world)
        if path.endswith("/oauth2/v2.0/authorize"):
            return microsoft_authorize.authorize(self.world, tenant, request)
        raise AssertionError(f"nothing at {path}")

    def secret(self, client: str = CLIENT_ID) -> bytes:
        scopes = [*MICROSOFT_SCOPES, "profile", "offline_access"]
        tokens.sign_in(self.world, client, self.account, scopes)
        cache = msal.SerializableTokenCache()
        cache.add(
            {
                "client_id": client,
                "scope": scopes[:2],
                "token_endpoint": f"{MICROSOFT}/common/oauth2/v2.0/token",
                "response": tokens.reply(self.world, client, self.account, scopes, "", None),
                "params": {},
                "data": {},
            }
        )
        return encode_secret(cache)

    def secrets(self) -> list[str]:
        return [*self.world.refresh_tokens, *self.world.access_tokens]

    # --- the person

    def live(self) -> list[str]:
        records = [one for one in self.world.calendars[self.calendar].events.values() if not one.gone]
        return [ids.write(self.account.oid, one.immutable, "", immutable=True) for one in records]

    def _record(self, event_id: str) -> Any:
        read = ids.read(event_id)
        assert read is not None
        return self.world.calendars[self.calendar].events[self.world.immutable_index[read[2]]]

    def text(self, event_id: str, start: OriginalStart, name: str) -> str:
        record = self._record(event_id)
        held = record.exceptions.get(_day(start, record.start_zone)) if start else None
        fields = record.fields | held.fields if held else record.fields
        return str(fields["subject"]) if name == "title" else _plain(fields["body"])

    def texts(self, event_id: str) -> list[tuple[OriginalStart, str]]:
        record = self._record(event_id)
        held = [("", record.fields), *((day, record.fields | one.fields) for day, one in record.exceptions.items())]
        texts = [(start, text) for start, one in held for text in (str(one["subject"]), _plain(one["body"]))]
        guests = [(start, one["emailAddress"]) for start, fields in held for one in fields.get("attendees", [])]
        return texts + [(start, str(guest["address"])) for start, guest in guests]

    def marks(self, event_id: str) -> str:
        return str(self._record(event_id).extended)

    def is_cancelled(self, event_id: str, start: OriginalStart) -> bool:
        record = self._record(event_id)
        return _day(start, record.start_zone) in record.dropped

    def has_dropped(self, event_id: str) -> bool:
        return False

    def guests(self, event_id: str) -> list[str]:
        return [str(one["emailAddress"]["address"]) for one in self._record(event_id).fields.get("attendees", [])]

    def is_private(self, event_id: str) -> bool:
        return str(self._record(event_id).fields["sensitivity"]) != "normal"

    def add(self, series: Series) -> str:
        body = _graph_fields({name: getattr(series.content, name) for name in FIELDS})
        if series.recurrence:
            pattern = graph_recurrence.to_pattern(series.recurrence, series.content.span)
            if not isinstance(pattern, graph_recurrence.PatternedRecurrence):
                raise Refused("Outlook has no such pattern")
            body["recurrence"] = graph_recurrence.write(pattern, _zone(series.content.span.start))
        return str(self._do(microsoft_events.create, "", body)["id"])

    def edit(self, event_id: str, **fields: Any) -> None:
        body = _graph_fields(fields)
        if lines := fields.get("recurrence"):
            span = fields["span"]
            pattern = graph_recurrence.to_pattern(tuple(lines), span)
            if not isinstance(pattern, graph_recurrence.PatternedRecurrence):
                raise Refused("Outlook has no such pattern")
            body["recurrence"] = graph_recurrence.write(pattern, _zone(span.start))
        self._do(microsoft_events.update, event_id, body)

    def edit_occurrence(self, event_id: str, start: OriginalStart, **fields: Any) -> None:
        body = _graph_fields(fields)
        body.pop("isAllDay", None)
        self._do(microsoft_events.update, event_id, body, day=start)

    def cancel_occurrence(self, event_id: str, start: OriginalStart) -> None:
        self._do(microsoft_events.delete, event_id, day=start)

    def delete(self, event_id: str) -> None:
        self._do(microsoft_events.delete, event_id)

    def lose(self, event_id: str) -> None:
        del self.world.calendars[self.calendar].events[self._record(event_id).token]

    def split(self, event_id: str, start: OriginalStart, title: str) -> None:
        def act(call: MicrosoftCall) -> Any:
            _, record, _ = call.found()
            return microsoft_split.split(call, _day(start, record.start_zone), {"subject": title})

        self._do(act, event_id)

    def _do(
        self,
        act: Callable[[MicrosoftCall], Any],
        event_id: str,
        body: Mapping[str, Any] | None = None,
        day: OriginalStart = "",
    ) -> Any:
        path = {"calendarId": self.calendar} | ({"eventId": event_id} if event_id else {})
        call = MicrosoftCall(
            world=self.world,
            name="control",
            mailbox=self.account,
            client_id="",
            actor=ACCOUNT,
            tenant=self.account.tenant,
            scopes=[],
            path=path,
            body=dict(body or {}),
            immutable=True,
            as_user=True,
        )
        try:
            if day:
                calendar, record, _ = call.found()
                call.path["eventId"] = call.id_of(calendar, record, _day(day, record.start_zone))
            answer = act(call)
        except (GraphError, AadError) as refusal:
            raise Refused(str(refusal)) from None
        microsoft_notifications.gather(self.world)
        self.world.flush_pushes()
        return answer

    # --- trouble

    def push_rule(self, mode: Any, times: int | None, seconds: float = 30.0) -> None:
        self.world.push_rules.append(MicrosoftPushRule(mode, times, seconds))

    def expire_cursors(self) -> None:
        for calendar in self.world.calendars.values():
            calendar.epoch += 1

    def expire_subscriptions(self) -> None:
        for name in list(self.world.subscriptions):
            self.world.removed_subscriptions[name] = self.world.subscriptions.pop(name)

    def revoke(self) -> None:
        for grant in self.world.grants.values():
            tokens.revoke(self.world, grant, 50173)
        tenant = self.world.tenants[self.account.tenant]
        tenant.principals = [one for one in tenant.principals if one != CLIENT_ID]
        tenant.roles.pop(CLIENT_ID, None)

    def set_writable(self, writable: bool) -> None:
        self.world.calendars[self.calendar].can_edit = writable

    @property
    def writable(self) -> bool:
        return self.world.calendars[self.calendar].can_edit

    def live_subscriptions(self) -> int:
        return len(microsoft_notifications.live(self.world))

    @property
    def mails(self) -> list[Any]:
        """What the app made Exchange send."""
        return [one for one in self.world.mails if one["by"] == "app"]


Side = GoogleSide | MicrosoftSide

FIELDS = ("span", "title", "description", "location", "visibility", "show_as")
"""What people set by hand here; `recurrence` comes beside them."""


def _google_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "span":
                body |= {"start": _google_when(value.start), "end": _google_when(value.end)}
            case "title":
                body["summary"] = value
            case "description" | "location":
                body[name] = value
            case "visibility":
                body[name] = str(value)
            case "show_as":
                body["transparency"] = "transparent" if value is ShowAs.FREE else "opaque"
            case "guests":
                body["attendees"] = [{"email": address} for address in value]
            case "recurrence":
                body[name] = list(value)
    return body


def _google_when(when: When) -> dict[str, Any]:
    if isinstance(when, ZonedTime):
        local = when.local.replace(tzinfo=ZoneInfo(when.zone))
        return {"dateTime": local.isoformat(), "timeZone": when.zone, "date": None}
    return {"date": when.isoformat(), "dateTime": None, "timeZone": None}


_SENSITIVITY = {Visibility.PRIVATE: "private", Visibility.CONFIDENTIAL: "confidential"}


def _graph_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "span":
                body |= {"start": _graph_when(value.start), "end": _graph_when(value.end), "isAllDay": value.all_day}
            case "title":
                body["subject"] = value
            case "description":
                body["body"] = {"contentType": "text", "content": value}
            case "location":
                body["location"] = {"displayName": value}
            case "visibility":
                body["sensitivity"] = _SENSITIVITY.get(value, "normal")
            case "guests":
                body["attendees"] = [{"emailAddress": {"address": address}, "type": "required"} for address in value]
            case "show_as":
                body["showAs"] = str(value)
    return body


def _graph_when(when: When) -> dict[str, str]:
    if isinstance(when, ZonedTime):
        return {"dateTime": when.local.isoformat(), "timeZone": _zone(when)}
    return {"dateTime": f"{when.isoformat()}T00:00:00", "timeZone": "W. Europe Standard Time"}


def _zone(when: When) -> str:
    return to_windows(when.zone) or "UTC" if isinstance(when, ZonedTime) else "W. Europe Standard Time"


def _plain(html: str) -> str:
    return re.sub(r"<[^>]*>|\s+", "", html)


def _day(start: OriginalStart, windows_zone: str) -> str:
    named = parse_original_start(start)
    local: date = named.astimezone(zones.zone(windows_zone)) if isinstance(named, datetime) else named
    return f"{local:%Y-%m-%d}"
