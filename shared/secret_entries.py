"""Entries of Secrets Manager, read when first needed and again after five minutes, so that a rotation is noticed."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import boto3

from shared.signing import Keyring

FRESH_SECONDS = 300.0
_entries: dict[str, tuple[float, Mapping[str, str]]] = {}


class SecretIncomplete(Exception):
    """The entry exists and lacks a member; the message names both, never a value."""


def read_entry(name: str) -> Mapping[str, str]:
    """The members of the JSON object stored under `name`."""
    read_at, members = _entries.get(name, (0.0, {}))
    if not members or time.monotonic() - read_at > FRESH_SECONDS:
        text = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        members = json.loads(text)
        _entries[name] = (time.monotonic(), members)
    return members


def live_values(name: str) -> list[str]:
    """`current`, then `previous` if there is one: the values that count during a rotation."""
    members = read_entry(name)
    if not members.get("current"):
        raise SecretIncomplete(f"The secret {name} has no member `current`; put one in and try again.")
    return [value for value in (members["current"], members.get("previous", "")) if value]


def read_keyring(name: str, purpose: str) -> Keyring:
    return Keyring([value.encode() for value in live_values(name)], purpose)


def forget_entry(name: str) -> None:
    """Read this one anew next time: it was written, or may have been."""
    _entries.pop(name, None)


def forget_entries() -> None:
    """Read everything anew next time (tests)."""
    _entries.clear()
