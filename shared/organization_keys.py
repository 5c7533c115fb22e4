"""What signs for an organisation that authorised by a key: kept in Secrets Manager alone, never in a table.

Each organisation has one entry, named by its connection under a prefix of the deployment's own: `{"current": …, "next":
…}`, each a provider's secret in base64. A new key waits as `next` until it has been seen to work, and the old one signs
meanwhile, so that a rotation has no gap. Secrets Manager's own previous version of the entry goes with it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import boto3

from shared.errors import RetryLater
from shared.secret_entries import forget_entry, read_entry

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class OrganizationKeys(Protocol):
    def current(self, organization_id: str, *, fresh: bool = False) -> bytes | None:
        """What signs now. It may be five minutes old, unless it is to be `fresh`."""

    def waiting(self, organization_id: str) -> bytes | None:
        """What was given since and has not been tried."""

    def put(self, organization_id: str, secret: bytes) -> None:
        """Have this one wait to be tried."""

    def use_waiting(self, organization_id: str) -> None:
        """From now on the one that waited signs. Doing it again changes nothing."""

    def erase(self, organization_id: str) -> None:
        """Both, for good. Doing it again is fine."""


class NoKeys:
    """For a deployment, or a function, that keeps none."""

    def current(self, organization_id: str, *, fresh: bool = False) -> bytes | None:  # noqa: ARG002
        return None

    def waiting(self, organization_id: str) -> bytes | None:  # noqa: ARG002
        return None

    def put(self, organization_id: str, secret: bytes) -> None:
        raise NotImplementedError("This function keeps no keys of organisations.")

    def use_waiting(self, organization_id: str) -> None:
        raise NotImplementedError("This function keeps no keys of organisations.")

    def erase(self, organization_id: str) -> None:
        """There is none."""


@dataclass(frozen=True)
class KeysInSecretsManager:
    """Entries are named `{prefix}{organisation's connection}`."""

    prefix: str

    @cached_property
    def _client(self) -> SecretsManagerClient:
        return boto3.client("secretsmanager")

    def current(self, organization_id: str, *, fresh: bool = False) -> bytes | None:
        if fresh:
            forget_entry(self._name(organization_id))
        return self._member(organization_id, "current")

    def waiting(self, organization_id: str) -> bytes | None:
        forget_entry(self._name(organization_id))
        return self._member(organization_id, "next")

    def put(self, organization_id: str, secret: bytes) -> None:
        kept = self._entry(organization_id)
        self._write(organization_id, {"current": kept.get("current", ""), "next": base64.b64encode(secret).decode()})

    def use_waiting(self, organization_id: str) -> None:
        kept = self._entry(organization_id)
        if kept.get("next"):
            self._write(organization_id, {"current": kept["next"], "next": ""})

    def erase(self, organization_id: str) -> None:
        name = self._name(organization_id)
        try:
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except self._client.exceptions.ResourceNotFoundException:
            return
        finally:
            forget_entry(name)

    def _name(self, organization_id: str) -> str:
        return f"{self.prefix}{organization_id}"

    def _member(self, organization_id: str, member: str) -> bytes | None:
        try:
            text = read_entry(self._name(organization_id)).get(member, "")
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return base64.b64decode(text) if text else None

    def _entry(self, organization_id: str) -> dict[str, str]:
        name = self._name(organization_id)
        forget_entry(name)
        try:
            return dict(read_entry(name))
        except self._client.exceptions.ResourceNotFoundException:
            return {}

    def _write(self, organization_id: str, members: dict[str, str]) -> None:
        name, text = self._name(organization_id), json.dumps(members)
        try:
            self._client.put_secret_value(SecretId=name, SecretString=text)
        except self._client.exceptions.ResourceNotFoundException:
            self._create(name, text)
        forget_entry(name)

    def _create(self, name: str, text: str) -> None:
        """Raises `RetryLater` while an entry of this name is still being deleted (DeleteSecret reference)."""
        known = self._client.exceptions
        try:
            self._client.create_secret(Name=name, SecretString=text)
        except (known.InvalidRequestException, known.ResourceExistsException):
            sentence = "The key before this one is still being erased."
            raise RetryLater(sentence, delay=30, code="key_store_busy") from None
