"""The same stages for staff of an organisation: the person does nothing, somebody else's permission is used.

`MicrosoftApplicationStage`: the app itself, let in by an administrator. `MicrosoftDelegatedStage`: a service account
that the person's calendars are shared with. `GoogleDelegationStage`: a service account with domain-wide delegation. A
process keeps the tokens of the first and the last, so each test begins with one.
"""

import json
from typing import Any

from shared.errors import ConnectionRevoked, SyncError
from shared.model import Access, Privacy
from shared.providers.base import Session
from shared.providers.google import delegation
from shared.providers.google.delegation import Delegation, read_key
from shared.providers.microsoft import app_grant
from shared.providers.microsoft.app_grant import AppGrant, encode_application
from shared.providers.organizations import MailboxRefused
from tests.contract.google_stage import GoogleStage
from tests.contract.microsoft_stage import CLIENT, MicrosoftStage

SERVICE_ACCOUNT = "sync@example.com"
ROLES = ("Calendars.ReadWrite", "MailboxSettings.Read", "User.Read.All")
_RIGHTS = {Access.OWNER: "write", Access.WRITER: "write", Access.READER: "read", Access.FREE_BUSY: "freeBusyRead"}


class MicrosoftApplicationStage(MicrosoftStage):
    keeps_tokens = False
    without_scope: tuple[type[SyncError], str] = (MailboxRefused, "out_of_scope")

    def reset(self) -> None:
        super().reset()
        app_grant._held.cache_clear()
        self.tenant = self.world.accounts[self.account_name].tenant
        self.control(f"tenants/{self.tenant}", method="PATCH", roles={CLIENT.client_id: list(ROLES)})
        AppGrant(self.tenant, self.settings(), CLIENT).token()

    def secret(self, *, without_scope: bool = False) -> bytes:
        if without_scope:
            self.control(f"tenants/{self.tenant}", method="PATCH", roles={CLIENT.client_id: ["User.Read.All"]})
            self.expire_access_tokens()
        return encode_application(self.tenant)

    def session(
        self, *, privacy: Privacy = Privacy.FULL, secret: bytes | None = None, reachable: bool = True
    ) -> Session:
        return self.provider(reachable=reachable).open(
            secret or self.secret(), quota_user=self.mailbox, privacy=privacy, mailbox=self.account_name
        )

    def withdraw_consent(self) -> None:
        self.control(f"tenants/{self.tenant}/principals/{CLIENT.client_id}", method="DELETE")
        self.expire_access_tokens()


class MicrosoftDelegatedStage(MicrosoftStage):
    """`grantor` signs in, `account_name` is the person."""

    grantor = SERVICE_ACCOUNT
    lists_all = False

    def reset(self) -> None:
        super().reset()
        self.world.add_account(SERVICE_ACCOUNT, "Sync")
        self.share(self.main, "write")

    def share(self, calendar: str, role: str) -> None:
        self.control(f"{self._path(calendar)}/permissions", method="PUT", email=SERVICE_ACCOUNT, role=role)

    def add_calendar(self, name: str, *, access: Access = Access.OWNER, watchable: bool = True) -> str:
        own = Access.OWNER if access is Access.WRITER else access
        made = super().add_calendar(name, access=own, watchable=watchable)
        self.share(made, _RIGHTS[access])
        return made

    def session(
        self, *, privacy: Privacy = Privacy.FULL, secret: bytes | None = None, reachable: bool = True
    ) -> Session:
        return self.provider(reachable=reachable).open(
            secret or self.secret(), quota_user=self.mailbox, privacy=privacy, mailbox=self.account_name
        )

    def withdraw_consent(self) -> None:
        self.control("revoke", email=SERVICE_ACCOUNT)


class GoogleDelegationStage(GoogleStage):
    keeps_tokens = False
    without_scope: tuple[type[SyncError], str] = (ConnectionRevoked, "consent_revoked")

    def reset(self) -> None:
        super().reset()
        delegation._held.cache_clear()
        self.key: dict[str, Any] = self.control(
            "service_accounts", name="sync", domain="example.com", scopes=list(delegation.SCOPES)
        )
        Delegation(self.secret(), self.settings(), self.account_name).http.renew()

    def secret(self, *, without_scope: bool = False) -> bytes:
        if without_scope:
            self.delegate([delegation.SCOPES[1]])
            self.expire_access_tokens()
        return delegation.encode_secret(read_key(self.key_file()), "example.com")

    def key_file(self) -> bytes:
        return json.dumps(self.key).encode()

    def delegate(self, scopes: list[str]) -> None:
        path = f"domains/example.com/delegations/{self.key['client_id']}"
        self.control(path, method="PUT", scopes=scopes)

    def session(
        self, *, privacy: Privacy = Privacy.FULL, secret: bytes | None = None, reachable: bool = True
    ) -> Session:
        return self.provider(reachable=reachable).open(
            secret or self.secret(), quota_user=self.mailbox, privacy=privacy, mailbox=self.account_name
        )

    def withdraw_consent(self) -> None:
        self.delegate([])
        self.expire_access_tokens()
