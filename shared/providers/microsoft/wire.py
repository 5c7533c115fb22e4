"""Signed calls to Graph: `Wire` sends one, or several in a `$batch`, and turns whatever goes wrong into our errors.

Every request says what it prefers, since no preference outlives its request and a page's link carries none: ids that
survive a move (page "Obtain immutable identifiers for Outlook resources") and times in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

import requests

from shared.config import MicrosoftSettings
from shared.errors import CursorExpired, RetryLater, SyncError
from shared.providers.microsoft.box import OWN, Box
from shared.providers.microsoft.errors import Subject, answered, code_of, is_claims_challenge, unreachable
from shared.providers.microsoft.grant import utc_now
from shared.providers.microsoft.sessions import open_session
from shared.providers.pace import pace_of

_PREFER: Final = 'IdType="ImmutableId", outlook.timezone="UTC"'

_CALLS_A_MINUTE: Final = 900
"""Nine tenths of the 10,000 in ten minutes that Graph gives an app for a mailbox (page "Throttling limits")."""

_BATCH_TIMEOUT: Final = 45.0
"""Seconds: twenty calls one after another take longer than one."""

_GRAPH: Final = "graph.microsoft.com"
_ROOT: Final = "/v1.0"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, alone or as a part of a batch. `path` is below `/v1.0`, its query included."""

    method: str
    path: str
    subject: Subject
    body: Json | None = None
    if_match: str = ""
    page_size: int = 0

    def headers(self) -> dict[str, str]:
        prefer = f"{_PREFER}, odata.maxpagesize={self.page_size}" if self.page_size else _PREFER
        return {"Prefer": prefer} | ({"If-Match": self.if_match} if self.if_match else {})


def reading(path: str, subject: Subject, *, page_size: int = 0, **query: str) -> Call:
    """A GET; names in `query` that begin with `_` are Graph's with a `$`."""
    asked = {f"${name[1:]}" if name.startswith("_") else name: value for name, value in query.items()}
    whole = f"{path}?{urlencode(asked, quote_via=quote, safe='$')}" if asked else path
    return Call(method="GET", path=whole, subject=subject, page_size=page_size)


class Tokens(Protocol):
    """What signs the calls: `grant.Grant` for somebody who signed in, `app_grant.AppGrant` for the app itself."""

    def token(self, *, fresh: bool = False) -> str:
        """An access token; with `fresh` one that was not used before. Raises `ConnectionRevoked`, `RetryLater`."""

    def accepted(self) -> None:
        """Graph took the access token."""

    def refused(self, now: datetime) -> SyncError:
        """Graph refused even a token that was issued a moment ago."""

    def secret(self) -> bytes | None:
        """The secret, if using it has changed it."""


class Wire:
    """Calls to one mailbox, in the name of one account or of the app."""

    def __init__(self, grant: Tokens, settings: MicrosoftSettings, *, quota_user: str, box: Box = OWN) -> None:
        self.box = box
        self._grant = grant
        self._graph_url = settings.microsoft_graph_url.rstrip("/")
        self._http = open_session(self._graph_url, settings.provider_ca_file)
        self._pace = pace_of(f"graph {quota_user}", _CALLS_A_MINUTE)

    def secret(self) -> bytes | None:
        """The grant's secret, if using it has changed it."""
        return self._grant.secret()

    def get(self, path: str, subject: Subject, *, page_size: int = 0, **query: str) -> Json:
        """See `reading`."""
        return self.send(reading(path, subject, page_size=page_size, **query))

    def post(self, path: str, subject: Subject, body: Json) -> Json:
        return self.send(Call(method="POST", path=path, subject=subject, body=body))

    def patch(self, path: str, subject: Subject, body: Json, *, if_match: str = "") -> Json:
        return self.send(Call(method="PATCH", path=path, subject=subject, body=body, if_match=if_match))

    def delete(self, path: str, subject: Subject, *, if_match: str = "") -> None:
        self.send(Call(method="DELETE", path=path, subject=subject, if_match=if_match))

    def send(self, call: Call) -> Json:
        """The answer to one call, {} if it has no body."""
        self._pace.spend(1)
        answer = self._send(call)
        if answer.status_code == 401 and not is_claims_challenge(answer.headers):
            answer = self._send(call, fresh=True)
            if answer.status_code == 401 and not is_claims_challenge(answer.headers):
                raise self.refused()
        body = _json_of(answer)
        if not 200 <= answer.status_code < 300:
            raise self.judged(answer.status_code, body, answer.headers, call.subject) from None
        self._grant.accepted()
        if answer.status_code == 204 or not answer.content:
            return {}
        if not isinstance(body, dict):
            raise incomplete()
        return body

    def batch(self, steps: Sequence[Json], *, fresh: bool = False) -> dict[str, Json]:
        """The responses to the steps of a `$batch`, by their ids; what was not answered is missing. `fresh` signs with
        a new access token. Each step counts as a call. See `shared.providers.microsoft.batch`."""
        self._pace.spend(len(steps) - 1)
        if fresh:
            self._grant.token(fresh=True)
        whole = Call(method="POST", path="/$batch", subject=Subject.BATCH, body={"requests": list(steps)})
        responses = self.send(whole).get("responses")
        if not isinstance(responses, list):
            raise incomplete()
        return {str(one["id"]): one for one in responses if isinstance(one, dict) and "id" in one}

    def judged(self, status: int, body: Any, headers: Mapping[str, str], subject: Subject) -> SyncError:
        """The error of ours that a refusal amounts to in this mailbox."""
        return self.box.judged(answered(status, body, headers, subject), status, code_of(body), subject)

    def refused(self) -> SyncError:
        """Graph refused an access token that was issued a moment ago."""
        return self._grant.refused(utc_now())

    def path_of(self, link: str) -> str:
        """The path and query of a link that Graph gave, to be asked for at the address that is set up. A link that
        leads anywhere else is not followed: it would be shown the access token."""
        parts = urlsplit(link)
        own = urlsplit(self._graph_url)
        known = (parts.scheme, parts.netloc) in {(own.scheme, own.netloc), ("https", _GRAPH)}
        if not known or not parts.path.startswith(f"{_ROOT}/"):
            raise CursorExpired("Microsoft's answer leads to an address that is not its own.", code="foreign_link")
        return parts.path.removeprefix(_ROOT) + (f"?{parts.query}" if parts.query else "")

    def _send(self, call: Call, *, fresh: bool = False) -> requests.Response:
        signed = call.headers() | {
            "Authorization": f"Bearer {self._grant.token(fresh=fresh)}",
            "Accept": "application/json",
        }
        options: dict[str, Any] = {"timeout": _BATCH_TIMEOUT} if call.subject is Subject.BATCH else {}
        if call.body is not None:
            options["json"] = call.body
        try:
            return self._http.request(call.method, f"{self._graph_url}{_ROOT}{call.path}", headers=signed, **options)
        except (requests.RequestException, OSError):
            # The client's errors carry the URL, and with it ids; they do not travel on.
            raise unreachable() from None


def incomplete() -> RetryLater:
    return RetryLater("Microsoft's answer cannot be read.", delay=60.0, code="incomplete_answer")


def _json_of(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
