"""The registry of providers: a name in a path or a table row becomes an opened provider here.

A provider is a package with a `PROVIDER` factory (see `shared.providers.base.Provider`) and a module `push` whose
`parse` reads notifications. Both are imported when they are asked for, so that a function pays only for what it uses:
the webhook receiver never loads a client library.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from shared.config import Settings
from shared.providers.base import ClientSecret, HttpRequest, ParsedRequest, Provider

PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "google": "shared.providers.google",
        "microsoft": "shared.providers.microsoft",
    }
)


NAMES: Final[Mapping[str, str]] = MappingProxyType({"google": "Google Calendar", "microsoft": "Outlook"})
"""What people call them."""

SEES_AHEAD: Final[Mapping[str, timedelta]] = MappingProxyType({"microsoft": timedelta(days=183)})
"""How far ahead of now a calendar is known for certain, for a provider whose listing has an end (at least: see
`shared.providers.microsoft.cursor.NEAREST_EDGE`); any other is known for all time."""


class UnknownProvider(KeyError):
    """No provider has this name; the API answers 404."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"There is no provider {self.name!r}; there are: {', '.join(sorted(PROVIDERS))}."


def open_provider(name: str, settings: Settings, client: ClientSecret) -> Provider:
    """The provider of that name, with the deployment's settings. No call is made. Raises `UnknownProvider`."""
    return cast(Provider, import_module(_package(name)).PROVIDER(settings, client))


def parse_notification(name: str, request: HttpRequest) -> ParsedRequest:
    """Read a request that claims to be a notification; imports no client library. Raises `UnknownProvider`."""
    return cast(ParsedRequest, import_module(f"{_package(name)}.push").parse(request))


def _package(name: str) -> str:
    try:
        return PROVIDERS[name]
    except KeyError:
        raise UnknownProvider(name) from None
