"""Between an organisation as it is stored and as the providers' port has it."""

from __future__ import annotations

from dataclasses import replace

from shared.errors import not_found
from shared.model import Account, Organization
from shared.providers.base import Provider
from shared.providers.organizations import OrganizationApi, StaffAccess, Tenancy


def organizations_of(provider: Provider) -> OrganizationApi:
    """Raises `Problem` (404) for a provider that has no such thing."""
    api = provider.organizations()
    if api is None:
        raise not_found()
    return api


def tenancy_of(organization: Organization) -> Tenancy:
    return Tenancy(
        place=organization.place,
        access=StaffAccess(organization.access),
        tenant=organization.tenant,
        service_account=organization.service_account,
        version=organization.version,
        service_address=organization.service_address,
        cloud=organization.cloud,
    )


def with_tenancy(organization: Organization, tenancy: Tenancy) -> Organization:
    return replace(
        organization,
        place=tenancy.place,
        access=tenancy.access.value,
        tenant=tenancy.tenant,
        service_account=tenancy.service_account,
        version=tenancy.version,
        service_address=tenancy.service_address,
        cloud=tenancy.cloud,
    )


def same_mailbox(account: Account, addresses: set[str], other: Account | None) -> bool:
    """Whether two accounts of one provider are one: the same id, or the same address in any case."""
    if other is None:
        return False
    return other.id == account.id or other.name.casefold() in {each.casefold() for each in (*addresses, account.name)}
