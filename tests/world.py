"""The deployed product in one process: real handlers on moto's AWS, the simulated Google behind loopback.

`World` wires the six functions as the template does, hands queue messages to the handlers as Lambda would, and acts
as the person at Google, at the page and at the host app. Nothing runs by itself: `drain` is the only engine.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import boto3
from moto import mock_aws
from werkzeug.serving import make_server

from shared.secret_entries import forget_entries
from shared.store.tables import TABLES, bind_table, forget_tables
from simulators.google import GoogleWorld, PushRequest, create_app
from tests.microsoft_side import MicrosoftSide
from tests.roles import ORGANIZATIONS, held_to_roles

ACCOUNT = "anna@example.com"
CLIENT_ID, CLIENT_SECRET = "client.apps.example.com", "client-secret"
APP_ID, APP_SECRET = "11111111-2222-4333-8444-555555555555", "app-secret"
PAGE = "http://localhost:8400/"
REGION = "us-east-1"


@dataclass
class LambdaContext:
    """What Powertools and the handlers read of Lambda's context."""

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "request"
    remaining_ms: int = 300_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


class World:
    def __init__(
        self,
        google_url: str,
        google: GoogleWorld,
        app: Any,
        microsoft: MicrosoftSide,
        inside: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self.inside = inside
        self.microsoft = microsoft
        self.google, self.google_url, self.pushes = google, google_url, list[PushRequest]()
        self._control = app.test_client()
        self.sqs = boto3.client("sqs")
        self.remaining_ms = 300_000
        self.around_worker: Callable[[], AbstractContextManager[None]] = nullcontext

    # --- AWS

    def set_up(self) -> None:
        for setting, model in TABLES.items():
            bind_table(model, setting)
            model.create_table(billing_mode="PAY_PER_REQUEST", wait=False)
            os.environ[setting.upper()] = setting
        dead = self._queue("jobs-dead.fifo", FifoQueue="true")
        arn = self.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "10"})
        self.jobs_url = self._queue("jobs.fifo", FifoQueue="true", RedrivePolicy=redrive)
        self.jobs_dead_url = dead
        self.notices_url, self.notices_dead_url = self._queue("notices"), self._queue("notices-dead")
        secrets = boto3.client("secretsmanager")
        for name, members in {
            "notification-keys": {"current": "notification-key-1", "previous": ""},
            "state-keys": {"current": "state-key-1", "previous": ""},
            "google-client": {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
            "microsoft-client": {"client_id": APP_ID, "client_secret": APP_SECRET},
            "host-webhook": {"current": "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", "previous": ""},
        }.items():
            secrets.create_secret(Name=name, SecretString=json.dumps(members))
        key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        os.environ.update(
            JOBS_QUEUE_URL=self.jobs_url,
            JOBS_DLQ_URL=self.jobs_dead_url,
            NOTICES_QUEUE_URL=self.notices_url,
            NOTICES_DLQ_URL=self.notices_dead_url,
            NOTIFICATION_KEYS_SECRET="notification-keys",
            STATE_KEYS_SECRET="state-keys",
            GOOGLE_CLIENT_SECRET="google-client",
            MICROSOFT_CLIENT_SECRET="microsoft-client",
            HOST_WEBHOOK_SECRET="host-webhook",
            GOOGLE_ACCOUNTS_URL=self.google_url,
            GOOGLE_OAUTH_URL=self.google_url,
            GOOGLE_API_URL=self.google_url,
            MICROSOFT_LOGIN_URL=self.microsoft.url,
            MICROSOFT_GRAPH_URL=self.microsoft.url,
            PROVIDER_CA_FILE=self.microsoft.ca_file,
            ORGANIZATION_SECRETS_PREFIX=ORGANIZATIONS,
            GRANT_KEY_ARN=key,
            PUBLIC_URL="http://localhost:8400",
            PUSH_URL="https://localhost:8443",
            ALLOWED_ORIGINS="http://localhost:8400",
            HELP_URL="https://help.example.com/",
            POLL_MINUTES="15",
            HOST_WEBHOOK_URL="http://127.0.0.1:9/lockstep",
        )

    def bind_again(self) -> None:
        """Point the models at the tables again, after `forget_functions`."""
        for setting, model in TABLES.items():
            bind_table(model, setting)

    def _queue(self, name: str, **attributes: str) -> str:
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])  # type: ignore[arg-type]

    # --- the functions

    def api(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        user: str = "anna",
        org: str = "demo",
        claims: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        from functions.api.handler import lambda_handler

        who = {"sub": user, "org": org} if claims is None else claims
        event = http_event(method, path, body, claims=who, headers=headers or {})
        with self.inside("api"):
            answer = lambda_handler(event, LambdaContext(remaining_ms=29_000))
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if text else None

    def callback(self, query: Mapping[str, str], provider: str = "google") -> dict[str, Any]:
        from functions.oauth_callback.handler import lambda_handler

        event = http_event("GET", f"/oauth/callback/{provider}", None, claims={}, headers={})
        event |= {"pathParameters": {"provider": provider}, "queryStringParameters": dict(query)}
        with self.inside("oauth_callback"):
            return dict(lambda_handler(event, LambdaContext()))

    def webhook(
        self, headers: Mapping[str, str], provider: str = "google", body: str | None = None, query: str = ""
    ) -> int:
        from functions.webhook_receiver.handler import lambda_handler

        event = http_event("POST", f"/webhooks/{provider}?{query}", body, claims={}, headers=headers)
        with self.inside("webhook_receiver"):
            answer = lambda_handler({**event, "pathParameters": {"provider": provider}}, LambdaContext())
        return int(answer["statusCode"])

    def tick(self) -> dict[str, int]:
        """One round of the schedule."""
        from functions.renew_subscriptions.handler import lambda_handler

        with self.inside("renew_subscriptions"):
            return dict(lambda_handler({}, LambdaContext(remaining_ms=60_000)))

    # --- the engine: pushes to the receiver, jobs to the worker

    def drain(self, most: int = 60) -> int:
        """Deliver pushes and run jobs until all is quiet; how many batches the worker saw."""
        for batches in range(most):
            self.deliver_pushes()
            if not self.work():
                return batches
        raise AssertionError("the jobs do not come to an end")

    def deliver_pushes(self) -> None:
        self.google.flush_pushes()
        while self.pushes:
            push = self.pushes.pop(0)
            self.webhook(dict(push.headers))
        for told in self.microsoft.taken():
            self.webhook(dict(told.headers), "microsoft", told.body.decode(), urlsplit(told.url).query)

    def work(self) -> bool:
        """One batch, as Lambda's event source mapping would hand it over; False if there was none."""
        from functions.sync_worker.handler import lambda_handler

        messages = self.sqs.receive_message(
            QueueUrl=self.jobs_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        if not messages:
            return False
        batch = {"Records": [sqs_record(message) for message in messages]}
        try:
            with self.inside("sync_worker"), self.around_worker():
                answer = lambda_handler(batch, LambdaContext(remaining_ms=self.remaining_ms))
        except BaseException:
            self._see_again(messages)
            raise
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for message in messages:
            handle = message["ReceiptHandle"]
            if message["MessageId"] in failed:
                self.sqs.change_message_visibility(QueueUrl=self.jobs_url, ReceiptHandle=handle, VisibilityTimeout=0)
            else:
                self.sqs.delete_message(QueueUrl=self.jobs_url, ReceiptHandle=handle)
        return True

    def _see_again(self, messages: list[Any]) -> None:
        """What the visibility time-out does when a worker has died."""
        for message in messages:
            handle = message["ReceiptHandle"]
            self.sqs.change_message_visibility(QueueUrl=self.jobs_url, ReceiptHandle=handle, VisibilityTimeout=0)

    def waiting_jobs(self) -> int:
        names = ["ApproximateNumberOfMessages"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.jobs_url, AttributeNames=names)  # type: ignore[arg-type]
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])

    def look(self) -> None:
        """Have every calendar looked at, as the schedule does, and drain."""
        from shared.clock import now
        from shared.store.calendars import CalendarStore
        from shared.store.tables import CalendarRow

        for row in CalendarRow.scan():
            CalendarStore().change(row.id, lambda calendar: replace(calendar, due_at=now(), parked_until=None))
        self.tick()
        self.drain()

    @contextmanager
    def google_lists_nothing(self) -> Iterator[None]:
        """Google answers listings as if the calendar were empty, while every event can still be read by its id."""
        from googleapiclient.http import HttpRequest

        plainly = HttpRequest.execute

        def execute(request: HttpRequest, *given: Any, **named: Any) -> Any:
            answer = plainly(request, *given, **named)
            return {**answer, "items": []} if request.methodId == "calendar.events.list" else answer

        with patch.object(HttpRequest, "execute", execute):
            yield

    # --- the person

    def connect(self, *, user: str = "anna", account: str = ACCOUNT, drain: bool = True) -> str:
        """Sign in, consent, come back, confirm, and let the first sync run; the connection's id."""
        status, begun = self.api("POST", "/v1/connections", {"provider": "google", "return_to": PAGE}, user=user)
        assert status == 201, begun
        location = urlsplit(
            self.callback(self.consent(begun["authorization_url"], account=account))["headers"]["location"]
        )
        query, fragment = dict(parse_qsl(location.query)), dict(parse_qsl(location.fragment))
        assert query["status"] == "confirm", query
        path = f"/v1/connections/{query['connection_id']}/confirm"
        status, confirmed = self.api("POST", path, {"confirmation": fragment["confirmation"]}, user=user)
        assert status == 200, confirmed
        if drain:
            self.drain()
        return str(confirmed["id"])

    def consent(self, url: str, *, account: str = ACCOUNT, allow: bool = True, leave_out: str = "") -> dict[str, str]:
        """What the provider sends back after the person has decided on its page."""
        parts = urlsplit(url)
        form: dict[str, object] = {"account": account, "decision": "allow" if allow else "deny"}
        scopes = dict(parse_qsl(parts.query))["scope"].split()
        form |= {"granted": [one for one in scopes if leave_out not in one]} if leave_out else {"scopes": "all"}
        answer = self._control.post(f"{parts.path}?{parts.query}", data=form)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self._control.open(f"/control/{path}", method=method, json=body)
        assert answer.status_code < 300, answer.text
        return answer.get_json(silent=True)

    def there(self, calendar: str = ACCOUNT) -> list[dict[str, Any]]:
        """What the person sees in their Google calendar, cancelled ones left out."""
        items = self.control("GET", f"calendars/{calendar}/events")["items"]
        return [item for item in items if item.get("status") != "cancelled"]

    def here(self, *, user: str = "anna", expand: bool = False) -> list[dict[str, Any]]:
        """What the app shows, from the year 2026 to 2029 (expanded: 2027 only)."""
        window = "from=2026-12-20T00:00:00Z&to=2027-12-31T00:00:00Z&expand=true"
        path = f"/v1/events?{window}" if expand else "/v1/events?from=2026-01-01T00:00:00Z&to=2029-12-31T00:00:00Z"
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            status, page = self.api("GET", following, user=user)
            assert status == 200, page
            found += page["items"]
            following = page["next"]
        return found

    def add_there(self, calendar: str = ACCOUNT, **members: object) -> dict[str, Any]:
        body = {"summary": "Appointment", **google_times("2027-03-01T09:00:00", "2027-03-01T10:00:00"), **members}
        return dict(self.control("POST", f"calendars/{calendar}/events", body))


def google_times(start: str, end: str, zone: str = "Europe/Berlin") -> dict[str, object]:
    return {"start": {"dateTime": start, "timeZone": zone}, "end": {"dateTime": end, "timeZone": zone}}


def times(start: str, end: str, zone: str = "Europe/Berlin") -> dict[str, object]:
    return {"start": {"date_time": start, "time_zone": zone}, "end": {"date_time": end, "time_zone": zone}}


def http_event(
    method: str, path: str, body: object, *, claims: Mapping[str, object], headers: Mapping[str, str]
) -> dict[str, Any]:
    """A request as API Gateway's HTTP API hands it to a function (payload version 2.0)."""
    parts = urlsplit(path)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {name.lower(): value for name, value in headers.items()},
        "queryStringParameters": dict(parse_qsl(parts.query, keep_blank_values=True)),
        "pathParameters": {},
        "requestContext": {
            "http": {"method": method, "path": parts.path, "sourceIp": "127.0.0.1"},
            "stage": "$default",
            "requestId": "request",
            "authorizer": {"jwt": {"claims": dict(claims), "scopes": None}},
        },
        "body": body if isinstance(body, str) else None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def sqs_record(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: str(value) for name, value in message["Attributes"].items()},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:jobs.fifo",
        "awsRegion": REGION,
    }


def forget_functions() -> None:
    """Make the functions' modules cold again: what they read once is read anew."""
    import functions.api.desk as desk
    import functions.deliver_webhooks.handler as deliver
    import functions.oauth_callback.handler as callback
    import functions.renew_subscriptions.handler as renew
    import functions.sync_worker.batch as batch
    import functions.sync_worker.handler as worker
    import functions.webhook_receiver.handler as receiver

    for module in (desk, deliver, callback, renew, batch, worker, receiver):
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()
    forget_tables()
    forget_entries()


@contextmanager
def running_world() -> Iterator[World]:
    """A fresh world; everything of it is gone afterwards."""
    before = dict(os.environ)
    os.environ.update(
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY=uuid.uuid4().hex,
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_LOG_LEVEL="ERROR",
    )
    os.environ.pop("AWS_CA_BUNDLE", None)
    world: World

    def take(push: PushRequest) -> int:
        world.pushes.append(push)
        return 200

    microsoft = MicrosoftSide()
    google = GoogleWorld(send_push=take, sleep=lambda _: None)
    app = create_app(google)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        with mock_aws(), held_to_roles() as inside:
            forget_functions()
            google.add_client(CLIENT_ID, CLIENT_SECRET, ["http://localhost:8400/oauth/callback/google"])
            google.add_account(ACCOUNT, "Anna", time_zone="Europe/Berlin")
            microsoft.world.add_app(APP_ID, APP_SECRET, ["http://localhost:8400/oauth/callback/microsoft"])
            world = World(f"http://127.0.0.1:{server.server_port}", google, app, microsoft, inside)
            world.set_up()
            yield world
    finally:
        microsoft.close()
        server.shutdown()
        server.server_close()
        os.environ.clear()
        os.environ.update(before)
