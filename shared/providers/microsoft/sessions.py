"""Connections to Microsoft: plain ones, and those that MSAL signs in over.

MSAL's habits that are met here (seen in msal 1.39): it asks the authority for its configuration whenever an app is
made, unless `http_cache` has the answer; it keeps refusals of the token endpoint there too and repeats them for a
minute, which would end a connection that was just renewed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import requests

from shared.providers.microsoft.errors import busy, retry_after, unreachable

TIMEOUT: Final = 10.0
"""Seconds after which a call to Microsoft is given up."""


class Discovery(dict[str, Any]):
    """The `http_cache` of every MSAL app of this process: what the authority says of itself, and no refusal. A refused
    token is the queue's to try again; MSAL would answer from here for a minute, whatever has become of the grant."""

    def __setitem__(self, key: str, value: Any) -> None:
        if not key.startswith("POST "):
            super().__setitem__(key, value)


DISCOVERY: Final = Discovery()


class Session(requests.Session):
    """A connection pool with a time limit. The environment's proxies and certificate bundles have no say in it
    (`REQUESTS_CA_BUNDLE` would override `verify`), cookies are not kept and redirects not followed."""

    def __init__(self, ca_file: str) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_file or True

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        self.cookies.clear()
        return super().request(method, url, *args, **({"timeout": TIMEOUT, "allow_redirects": False} | options))


class _SignIn(Session):
    """For MSAL: a server in trouble says nothing about a grant, so MSAL does not get to read what it says."""

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        try:
            answer = super().request(method, url, *args, **options)
        except (requests.RequestException, OSError):
            raise unreachable() from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise busy(retry_after(answer.headers))
        return answer


@lru_cache(maxsize=8)
def open_session(graph_url: str, ca_file: str) -> Session:  # noqa: ARG001 (what the cache goes by)
    """The process's connections to Graph, kept open between two jobs."""
    return Session(ca_file)


@lru_cache(maxsize=8)
def open_sign_in(login_url: str, ca_file: str) -> Session:  # noqa: ARG001
    """The process's connections to the identity platform. They raise `RetryLater` for a server in trouble."""
    return _SignIn(ca_file)
