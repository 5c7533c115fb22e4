"""One signed call to Graph: `Wire` sends it and turns whatever goes wrong into our errors.

Every request says what it prefers, since no preference outlives its request and a page's link carries none: ids that
survive a move (page "Obtain immutable identifiers for Outlook resources") and times in UTC.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests

from shared.config import MicrosoftSettings
from shared.errors import CursorExpired, RetryLater
from shared.providers.microsoft.errors import Subject, answered, is_claims_challenge, unreachable
from shared.providers.microsoft.grant import Grant, open_session, utc_now
from shared.providers.pace import pace_of

_PREFER: Final = 'IdType="ImmutableId", outlook.timezone="UTC"'

_CALLS_A_MINUTE: Final = 900
"""Nine tenths of the 10,000 in ten minutes that Graph gives an app for a mailbox (page "Throttling limits")."""

_GRAPH: Final = "graph.microsoft.com"
_ROOT: Final = "/v1.0"


class Wire:
    """Calls in the name of one account. Paths are below `/v1.0`."""

    def __init__(self, grant: Grant, settings: MicrosoftSettings, *, quota_user: str) -> None:
        self._grant = grant
        self._graph_url = settings.microsoft_graph_url.rstrip("/")
        self._http = open_session(self._graph_url, settings.provider_ca_file)
        self._pace = pace_of(f"graph {quota_user}", _CALLS_A_MINUTE)

    def secret(self) -> bytes | None:
        """The grant's secret, if using it has changed it."""
        return self._grant.secret()

    def get(self, path: str, subject: Subject, *, page_size: int = 0, **query: str) -> dict[str, Any]:
        """A GET; names in `query` that begin with `_` are Graph's with a `$`."""
        prefer = f"{_PREFER}, odata.maxpagesize={page_size}" if page_size else _PREFER
        asked = {f"${name[1:]}" if name.startswith("_") else name: value for name, value in query.items()}
        return self._call("GET", path, subject, params=asked, headers={"Prefer": prefer})

    def post(self, path: str, subject: Subject, body: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, subject, json=body, headers={"Prefer": _PREFER})

    def patch(self, path: str, subject: Subject, body: dict[str, Any], *, if_match: str = "") -> dict[str, Any]:
        return self._call("PATCH", path, subject, json=body, headers={"Prefer": _PREFER} | _only(if_match))

    def delete(self, path: str, subject: Subject, *, if_match: str = "") -> None:
        self._call("DELETE", path, subject, headers={"Prefer": _PREFER} | _only(if_match))

    def path_of(self, link: str) -> str:
        """The path and query of a link that Graph gave, to be asked for at the address that is set up. A link that
        leads anywhere else is not followed: it would be shown the access token."""
        parts = urlsplit(link)
        own = urlsplit(self._graph_url)
        known = (parts.scheme, parts.netloc) in {(own.scheme, own.netloc), ("https", _GRAPH)}
        if not known or not parts.path.startswith(f"{_ROOT}/"):
            raise CursorExpired("Microsoft's answer leads to an address that is not its own.", code="foreign_link")
        return parts.path.removeprefix(_ROOT) + (f"?{parts.query}" if parts.query else "")

    def _call(
        self, method: str, path: str, subject: Subject, *, headers: dict[str, str], **options: Any
    ) -> dict[str, Any]:
        self._pace.spend(1)
        answer = self._send(method, path, headers, **options)
        if answer.status_code == 401 and not is_claims_challenge(answer.headers):
            answer = self._send(method, path, headers, fresh=True, **options)
            if answer.status_code == 401 and not is_claims_challenge(answer.headers):
                raise self._grant.refused(utc_now())
        body = _json_of(answer)
        if not 200 <= answer.status_code < 300:
            raise answered(answer.status_code, body, answer.headers, subject) from None
        self._grant.accepted()
        if answer.status_code == 204 or not answer.content:
            return {}
        if not isinstance(body, dict):
            raise RetryLater("Microsoft's answer cannot be read.", delay=60.0, code="incomplete_answer")
        return body

    def _send(
        self, method: str, path: str, headers: dict[str, str], *, fresh: bool = False, **options: Any
    ) -> requests.Response:
        signed = headers | {"Authorization": f"Bearer {self._grant.token(fresh=fresh)}", "Accept": "application/json"}
        try:
            return self._http.request(method, f"{self._graph_url}{_ROOT}{path}", headers=signed, **options)
        except (requests.RequestException, OSError):
            # The client's errors carry the URL, and with it ids; they do not travel on.
            raise unreachable() from None


def segment(identifier: str) -> str:
    """An id as part of a path; ids are compared letter by letter and may hold any sign."""
    return quote(identifier, safe="")


def _only(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _json_of(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
