"""What a tenant's own metadata says, which anybody may read: its id, its cloud, and where its Graph is.

Page "OpenID Connect on the Microsoft identity platform", "Find your app's OpenID configuration document URI". `issuer`
holds the tenant's id, also where it was asked for by a domain. An unknown tenant is refused with 400 (AADSTS90002).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from shared.config import MicrosoftSettings
from shared.errors import ConnectFailed, RetryLater
from shared.providers.microsoft.clouds import NAMES, cloud_called, own_address, own_cloud, service_address
from shared.providers.microsoft.sessions import open_sign_in
from shared.providers.microsoft.wire import incomplete
from shared.providers.organizations import Tenancy

VERSION: Final = "Microsoft Graph v1.0"

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOMAIN: Final = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PERSONAL: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"


def discover(tenancy: Tenancy, settings: MicrosoftSettings) -> Tenancy:
    """See `OrganizationApi.discover`."""
    place = tenancy.place.strip().lower()
    if not _ID.fullmatch(place) and not _DOMAIN.fullmatch(place):
        raise ConnectFailed(
            "tenant_malformed",
            "A tenant is named by its id (Entra admin centre, Overview, Tenant ID) or by one of its domains, such as "
            "contoso.com.",
        )
    found = _metadata(place, settings)
    named = _ID.search(str(found.get("issuer") or "").lower())
    if named is None:
        raise incomplete()
    tenant = named[0]
    if tenant == _PERSONAL:
        raise ConnectFailed(
            "tenant_malformed", "This is where personal Microsoft accounts are. Name your organisation's own tenant."
        )
    if _ID.fullmatch(place) and tenant != place:
        raise incomplete()
    host = str(found.get("msgraph_host") or "").lower()
    cloud = cloud_called(str(found.get("cloud_instance_name") or "").lower(), host)
    address = service_address(settings, cloud, host)
    if not address:
        raise ConnectFailed(
            "provider_error", "Microsoft's metadata of this tenant names a service address that is none of Microsoft's."
        )
    return replace(tenancy, tenant=tenant, version=VERSION, service_address=address, cloud=cloud)


def check_cloud(tenancy: Tenancy, settings: MicrosoftSettings) -> None:
    """Raise `ConnectFailed` for a tenant that this deployment does not reach: each cloud has sign-in addresses and
    app registrations of its own."""
    if tenancy.service_address == own_address(settings):
        return
    raise ConnectFailed(
        "other_cloud",
        f"This tenant is in {NAMES[tenancy.cloud]}, at {tenancy.service_address}; this product is set up for "
        f"{NAMES[own_cloud(settings)]}, at {own_address(settings)}. Its operator has to set it up there "
        "(MICROSOFT_LOGIN_URL, MICROSOFT_GRAPH_URL, and an app that is registered there).",
    )


def _metadata(place: str, settings: MicrosoftSettings) -> dict[str, Any]:
    login_url = settings.microsoft_login_url.rstrip("/")
    answer = open_sign_in(login_url, settings.provider_ca_file).get(
        f"{login_url}/{quote(place, safe='')}/v2.0/.well-known/openid-configuration"
    )
    if answer.status_code in (400, 404):
        raise ConnectFailed(
            "tenant_unknown", "Microsoft knows no tenant of this name. Check the tenant id or the domain."
        )
    if answer.status_code != 200:
        raise RetryLater("Microsoft did not answer what this tenant is.", delay=60.0, code="incomplete_answer")
    try:
        found = answer.json()
    except ValueError:
        raise incomplete() from None
    if not isinstance(found, dict):
        raise incomplete()
    return found
