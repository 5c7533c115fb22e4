"""Codes, access tokens, refresh tokens and grants: issue, find, end.

A refresh hands out a new refresh token and leaves the old ones alive, as Microsoft does. A grant that is revoked
remembers the AADSTS number its tokens then answer with.
"""

import base64
import hashlib
import json
import uuid

import jwt

from simulators.common.wire import Json
from simulators.microsoft.errors import AadError
from simulators.microsoft.model import AccessToken, Account, App, Grant, RefreshToken, Tenant
from simulators.microsoft.world import MicrosoftWorld

SIGN_IN = frozenset({"openid", "profile", "email", "offline_access"})
GRAPH = "https://graph.microsoft.com/"


def plain(scopes: list[str]) -> list[str]:
    """Scopes without the resource in front: `Calendars.ReadWrite`."""
    return [scope.removeprefix(GRAPH) for scope in scopes]


def live_access(world: MicrosoftWorld, authorization: str) -> AccessToken | None:
    kind, _, value = authorization.partition(" ")
    token = world.access_tokens.get(value.strip()) if kind.lower() == "bearer" else None
    if token is None or token.expires_at <= world.seconds():
        return None
    if token.email is not None and token.email not in world.accounts:
        return None
    return token


def grant_of(world: MicrosoftWorld, client_id: str, email: str) -> Grant:
    """The grant, fresh if there is none; a new sign-in revives a revoked one for the tokens made from then on."""
    return world.grants.setdefault((client_id, email), Grant(client_id, email))


def consented(world: MicrosoftWorld, client_id: str, account: Account, scopes: list[str]) -> bool:
    """Whether the user or an administrator has already said yes to all of these."""
    grant = world.grants.get((client_id, account.email))
    own = set(grant.scopes) if grant is not None and grant.revoked != 65001 else set()
    tenant = world.tenants[account.tenant]
    return set(plain(scopes)) - SIGN_IN - {".default"} <= own | set(tenant.consents.get(client_id, []))


def sign_in(world: MicrosoftWorld, client_id: str, account: Account, scopes: list[str]) -> Grant:
    grant = grant_of(world, client_id, account.email)
    if grant.revoked is not None:
        revoke(world, grant, grant.revoked)
        grant.revoked = None
    grant.scopes = sorted({*grant.scopes, *plain(scopes)} - SIGN_IN)
    tenant = world.tenants[account.tenant]
    tenant.principals = sorted({*tenant.principals, client_id})
    return grant


def revoke(world: MicrosoftWorld, grant: Grant, number: int) -> None:
    """All refresh tokens of the grant answer with that number from now on; access tokens die too."""
    grant.revoked = number
    if number == 65001:
        grant.scopes = []
    for access in world.access_tokens.values():
        if (access.client_id, access.email) == (grant.client_id, grant.email):
            access.expires_at = min(access.expires_at, world.seconds())
    for value, token in list(world.refresh_tokens.items()):
        if (token.client_id, token.email) == (grant.client_id, grant.email):
            world.refresh_tokens[value] = RefreshToken(value, token.client_id, f"revoked:{number}", [], 0.0)


def issue_access(
    world: MicrosoftWorld, client_id: str, email: str | None, tenant: str, scopes: list[str]
) -> AccessToken:
    life = world.settings.access_token_seconds
    token = AccessToken(world.secret("EwB", 80), client_id, email, tenant, plain(scopes), world.seconds() + life)
    world.access_tokens[token.value] = token
    return token


def issue_app_access(world: MicrosoftWorld, app: App, tenant: Tenant, roles: list[str] | None = None) -> AccessToken:
    """A token of the app itself: a JWT whose `roles` are the application permissions of this moment.

    It keeps them to its end, whatever the tenant takes back; what RBAC for Applications assigns is not in it.
    """
    held = sorted(tenant.roles.get(app.id, []) if roles is None else roles)
    made = issue_access(world, app.id, None, tenant.id, held)
    now = int(world.seconds())
    claims: Json = {
        "aud": GRAPH.removesuffix("/"),
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "iat": now,
        "nbf": now,
        "exp": int(made.expires_at),
        "appid": app.id,
        "app_displayname": app.name,
        "idtyp": "app",
        "oid": principal_id(app, tenant),
        "sub": principal_id(app, tenant),
        "tid": tenant.id,
        "uti": made.value[3:25],
        "ver": "1.0",
    } | ({"roles": held} if held else {})
    del world.access_tokens[made.value]
    made.value = jwt.encode(claims, world.signing_key(), algorithm="RS256", headers={"kid": key_id(world)})
    world.access_tokens[made.value] = made
    return made


def principal_id(app: App, tenant: Tenant) -> str:
    """The object id of the app's service principal (enterprise application), another one in each tenant."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"principal:{app.id}:{tenant.id}"))


def issue_refresh(world: MicrosoftWorld, client_id: str, email: str, scopes: list[str]) -> RefreshToken:
    token = RefreshToken(world.secret("0.AX", 80), client_id, email, plain(scopes), world.seconds())
    world.refresh_tokens[token.value] = token
    return token


def live_refresh(world: MicrosoftWorld, value: str, client_id: str) -> RefreshToken:
    """The token, used now. Raises what Microsoft says of a dead one."""
    token = world.refresh_tokens.get(value)
    if token is None or token.client_id != client_id:
        raise AadError(70000, "refresh_token")
    if token.email.startswith("revoked:"):
        raise AadError(int(token.email.removeprefix("revoked:")), client_id, error="invalid_grant")
    if world.seconds() - token.used_at > world.settings.refresh_token_idle_days * 86_400:
        raise AadError(700082)
    if token.email not in world.accounts:
        raise AadError(50173)
    if not world.accounts[token.email].enabled:
        raise AadError(50057, error="invalid_grant")
    token.used_at = world.seconds()
    return token


def reply(
    world: MicrosoftWorld, client_id: str, account: Account, scopes: list[str], issuer: str, nonce: str | None
) -> Json:
    """What the token endpoint answers for a person; `scopes` as the client wrote them."""
    scopes = [scope for scope in scopes if not {scope, *plain([scope])} & set(world.settings.withheld_scopes)]
    if account.personal:  # permissions to shared calendars exist for work and school accounts only
        scopes = [scope for scope in scopes if not scope.endswith(".Shared")]
    access = issue_access(world, client_id, account.email, account.tenant, scopes)
    life = world.settings.access_token_seconds
    found: Json = {
        "token_type": "Bearer",
        "scope": _shown_scopes(world, scopes),
        "expires_in": life,
        "ext_expires_in": life,
        "access_token": access.value,
        "client_info": client_info(account),
    }
    if "offline_access" in scopes:
        found["refresh_token"] = issue_refresh(world, client_id, account.email, scopes).value
    if "openid" in scopes:
        found["id_token"] = _id_token(world, client_id, account, issuer, nonce)
    return found


def _shown_scopes(world: MicrosoftWorld, scopes: list[str]) -> str:
    if world.settings.scope_form == "echo":
        return " ".join(s for s in scopes if s != "offline_access")
    return " ".join(s if s in SIGN_IN else GRAPH + s.removeprefix(GRAPH) for s in scopes if s != "offline_access")


def client_info(account: Account) -> str:
    text = json.dumps({"uid": account.oid, "utid": account.tenant})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def key_id(world: MicrosoftWorld) -> str:
    numbers = world.signing_key().public_key().public_numbers()
    return hashlib.sha256(str(numbers.n).encode()).hexdigest()[:27]


def _id_token(world: MicrosoftWorld, client_id: str, account: Account, issuer: str, nonce: str | None) -> str:
    now = int(world.seconds())
    claims: Json = {
        "ver": "2.0",
        "iss": issuer,
        "aud": client_id,
        "sub": hashlib.sha256(f"{client_id}:{account.oid}".encode()).hexdigest()[:43],
        "oid": account.oid,
        "tid": account.tenant,
        "preferred_username": account.email,
        "name": account.name,
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    if account.personal:
        claims["email"] = account.email
    if nonce:
        claims["nonce"] = nonce
    return jwt.encode(claims, world.signing_key(), algorithm="RS256", headers={"kid": key_id(world)})
