"""Whose mailbox a session is about: the beginning of every path, and what a refusal there says of that mailbox.

A person's own is `/me`. For an organisation's staff it is `/users/{address}`, in the name of a service account that the
person's calendar was shared with, or of the app itself. There one mailbox can refuse while the organisation's access
stands, so what would end a person's own connection is a `MailboxRefused` here.

With a service account only the default calendar is used: Graph documents `/users/{id}/calendar` for a calendar that
somebody shared, and no listing of the others (page "Get shared calendars and events").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote

from shared.errors import CursorExpired, RetryLater, SyncError
from shared.providers.microsoft.errors import NO_MAILBOX, Subject
from shared.providers.organizations import MailboxRefused, MailboxState


class Reach(Enum):
    """By what right a mailbox is used."""

    OWN = "own"
    DELEGATED = "delegated"
    APPLICATION = "application"


SENTENCES: Final = {
    MailboxState.READ_ONLY: "The service account may read this calendar but not write to it. Give it the right Editor "
    "(Set-MailboxFolderPermission).",
    MailboxState.NO_RIGHTS: "The service account may not open this calendar. Give it the right Editor "
    "(Add-MailboxFolderPermission), or switch this person off.",
    MailboxState.OUT_OF_SCOPE: "The app is not let into this mailbox. Add the person to the group of the management "
    "scope; Exchange obeys after half an hour to two hours. If nobody can be reached, the permission is missing.",
    MailboxState.NOT_LICENSED: "This person has no mailbox in Exchange Online. Give them a licence that holds one, or "
    "switch them off.",
    MailboxState.NOT_FOUND: "Nobody in the tenant has this address. Check how it is written.",
}
"""What an administrator does about it."""

_NOBODY: Final = frozenset({"errorinvaliduser", "request_resourcenotfound", "errorinvalidsmtpaddress"})
_NO_MAILBOX: Final = NO_MAILBOX | {"resourcenotfound"}
_WHOLE_CALENDAR: Final = frozenset({Subject.CALENDAR, Subject.CURSOR})


@dataclass(frozen=True, slots=True)
class Box:
    """`root` begins every path of the mailbox; `resource` names it in a subscription."""

    root: str = "/me"
    resource: str = "/me"
    reach: Reach = Reach.OWN

    def path(self, calendar: str, event: str = "") -> str:
        """The path of a calendar, or of an event in it."""
        path = f"{self.root}/calendars/{segment(calendar)}"
        return f"{path}/events/{segment(event)}" if event else path

    def judged(self, error: SyncError, status: int, code: str, subject: Subject) -> SyncError:
        """The error that an answer amounts to, where it speaks of this mailbox and not of the organisation's access;
        `error` is what it means for a person's own."""
        if self.reach is Reach.OWN or subject in (Subject.SUBSCRIPTION, Subject.BATCH):
            return error
        state = self._state(status, code.lower(), subject)
        if state is None or (subject is not Subject.ACCOUNT and isinstance(error, RetryLater | CursorExpired)):
            return error
        return refused(state)

    def _state(self, status: int, code: str, subject: Subject) -> MailboxState | None:
        if code in _NO_MAILBOX:
            return MailboxState.NOT_LICENSED
        if code in _NOBODY:
            return MailboxState.NOT_FOUND
        if subject is not Subject.ACCOUNT and subject not in _WHOLE_CALENDAR:
            return None
        if self.reach is Reach.DELEGATED and status in (403, 404):  # Graph says either of a calendar not shared
            return MailboxState.NO_RIGHTS
        return MailboxState.OUT_OF_SCOPE if status == 403 else None


OWN: Final = Box()


def of_staff(mailbox: str, reach: Reach) -> Box:
    """The mailbox of an address."""
    return Box(root=f"/users/{quote(mailbox, safe='@')}", resource=f"/users/{mailbox}", reach=reach)


def refused(state: MailboxState) -> MailboxRefused:
    return MailboxRefused(state, SENTENCES[state])


def segment(identifier: str) -> str:
    """An id as part of a path; ids are compared letter by letter and may hold any sign."""
    return quote(identifier, safe="")
