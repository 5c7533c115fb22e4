"""One signed call to the Calendar API: `Wire.call` sends it and turns whatever goes wrong into our errors.

Google's client is built once per process and endpoint, from the discovery document in its package, and so are its
resources: building `events()` anew for every call would cost 2 ms each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Protocol

import httplib2
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from shared.config import GoogleSettings
from shared.errors import SyncError
from shared.providers.google.errors import CLIENT_ERRORS, Subject, reason_of, translate
from shared.providers.google.grant import SignedHttp, utc_now
from shared.providers.pace import pace_of

_QUOTA_USER_LONGEST: Final = 40

_UNITS_A_MINUTE: Final = 540
"""Nine tenths of the 600 that Google gives a user of a project (page "Manage quotas")."""

_PATCH_UNITS: Final = 3
"""What a patch costs (page "Performance tips"); any other call costs one."""


@dataclass(frozen=True, slots=True)
class _Resources:
    events: Any
    calendars: Any
    channels: Any


@lru_cache(maxsize=4)
def _resources(api_url: str) -> _Resources:
    service = build(
        "calendar",
        "v3",
        http=httplib2.Http(proxy_info=None),  # never used: each call brings its own
        static_discovery=True,
        cache_discovery=False,
        client_options={"api_endpoint": f"{api_url.rstrip('/')}/calendar/v3/"},  # replaces root and service path
    )
    return _Resources(service.events(), service.calendarList(), service.channels())


class Tokens(Protocol):
    """What signs the calls: `grant.Grant` for somebody who signed in, `delegation.Delegation` for a service account."""

    http: SignedHttp
    """Stands where Google's client expects an `httplib2.Http`."""

    def accepted(self) -> None:
        """Google took the access token."""

    def refused(self, now: datetime) -> SyncError:
        """Google refused even a token that was issued a moment ago."""

    def judged(self, error: SyncError) -> SyncError:
        """What a refusal of a call means under this grant."""

    def secret(self) -> bytes | None:
        """The secret, if using it has changed it."""


class Wire:
    """Calls in the name of one account."""

    def __init__(self, grant: Tokens, settings: GoogleSettings, *, quota_user: str) -> None:
        self._grant = grant
        self._api_url = settings.google_api_url
        self._quota_user = _short(quota_user)
        self._pace = pace_of(self._quota_user, _UNITS_A_MINUTE)

    def secret(self) -> bytes | None:
        """The grant's secret, if using it has changed it."""
        return self._grant.secret()

    def events(self, method: str, subject: Subject, *, if_match: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the `events` resource; answers its JSON. With `if_match` only that version is written."""
        self._pace.spend(_PATCH_UNITS if method == "patch" else 1)
        return self._call(getattr(_resources(self._api_url).events, method), subject, if_match, parameters)

    def calendars(self, method: str, subject: Subject, **parameters: Any) -> dict[str, Any]:
        """Call a method of the `calendarList` resource."""
        return self._call(getattr(_resources(self._api_url).calendars, method), subject, "", parameters)

    def stop_channel(self, body: dict[str, str]) -> None:
        self._call(_resources(self._api_url).channels.stop, Subject.SUBSCRIPTION, "", {"body": body})

    def _call(self, method: Any, subject: Subject, if_match: str, parameters: dict[str, Any]) -> dict[str, Any]:
        request = method(quotaUser=self._quota_user, **parameters)
        if if_match:
            request.headers["If-Match"] = if_match
        try:
            # No retries here: they sleep, and ignore Retry-After. The queue waits better.
            answer = request.execute(http=self._grant.http, num_retries=0)
        except CLIENT_ERRORS as error:
            if isinstance(error, HttpError) and error.resp.status == 401 and not reason_of(error).startswith("push."):
                raise self._grant.refused(utc_now()) from None
            # The client's errors carry the URL, and with it an address; they do not travel on.
            raise self._grant.judged(translate(error, subject)) from None
        self._grant.accepted()
        return answer if isinstance(answer, dict) else {}


def _short(quota_user: str) -> str:
    """Google takes 40 characters (discovery document, `quotaUser`)."""
    if len(quota_user) <= _QUOTA_USER_LONGEST:
        return quota_user
    return sha256(quota_user.encode()).hexdigest()[:_QUOTA_USER_LONGEST]
