"""Whether a person's mailbox can be used through their organisation; nothing is stored here."""

from __future__ import annotations

from collections.abc import Iterator

from shared.errors import ConnectionRevoked
from shared.house import Accounts
from shared.model import Connection
from shared.providers.organizations import Mailbox
from shared.tenancy import organizations_of

PAGE = 200
"""People read at once."""


def verified(house: Accounts, organization: Connection, address: str) -> Mailbox:
    """What the provider says of one mailbox. Raises `ConnectionRevoked` if it is the organisation's own access that is
    refused, with the key as it is now, and `RetryLater`."""
    api = organizations_of(house.providers(organization.provider))
    secret = house.secret(organization)
    try:
        return api.verify(secret, address)
    except ConnectionRevoked:
        fresh = house.secret(organization, fresh=True)
        if fresh == secret:
            raise
    return api.verify(fresh, address)


def members(house: Accounts, organization: Connection, after: str = "") -> Iterator[Connection]:
    """The people on the list, by their user ids, those whose removal is under way left out."""
    while True:
        page = house.store.connections.staff(organization.id, limit=PAGE, after=after)
        yield from (person for person in page if not person.leaving)
        if len(page) < PAGE:
            return
        after = page[-1].owner.user_id


def first_enabled(house: Accounts, organization: Connection) -> Connection | None:
    return next((person for person in members(house, organization) if person.enabled), None)
