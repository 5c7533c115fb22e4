"""The identity platform's endpoints for machines: OIDC discovery, keys, instance discovery, token.

`token` serves authorization_code (PKCE, single use), refresh_token and client_credentials. What a person sees is in
`authorize`, how an app proves who it is in `credentials`.
"""

import base64
import hashlib
import hmac
from urllib.parse import parse_qs

from jwt.algorithms import RSAAlgorithm

from simulators.common.wire import Json, Request, Response, json_response
from simulators.microsoft import credentials, tokens
from simulators.microsoft.clouds import CLOUDS
from simulators.microsoft.errors import AadError
from simulators.microsoft.model import PERSONAL_TENANT, Account, App, Tenant
from simulators.microsoft.world import MicrosoftWorld

SHARED = ("common", "organizations", "consumers")


def find_tenant(world: MicrosoftWorld, name: str) -> Tenant | None:
    """The tenant of a path; None for `common` and `organizations`. Raises AADSTS90002 for an unknown one."""
    if name.lower() == "consumers":
        return world.tenants[PERSONAL_TENANT]
    if name.lower() in SHARED:
        return None
    found = world.tenant(name)
    if found is None:
        raise AadError(90002, name)
    return found


def check_cloud(world: MicrosoftWorld, tenant: Tenant | None) -> None:
    """Refuse to sign anybody in for a tenant of another cloud, which its metadata names."""
    if tenant is not None and tenant.cloud != world.settings.cloud:
        raise AadError(90038, tenant.domain, CLOUDS[tenant.cloud].instance_name)


def knows(tenant: Tenant, app: App) -> bool:
    """Whether the app has a service principal in the tenant."""
    return app.id in tenant.principals or app.audience == tenant.id


def admits(world: MicrosoftWorld, name: str, account: Account) -> bool:
    """Whether an account may sign in at this path."""
    tenant = find_tenant(world, name)
    if tenant is not None:
        return account.tenant == tenant.id
    return name.lower() == "common" or not account.personal


def check_audience(app: App, name: str) -> None:
    if app.audience not in {"multi", "work"} and name.lower() in SHARED:
        raise AadError(50194, app.id)


def configuration(world: MicrosoftWorld, name: str, base_url: str) -> Response:
    try:
        with world.lock:
            world.calls["oauth.configuration"] += 1
            tenant = find_tenant(world, name)
    except AadError as refusal:
        return refusal.response(world.now())
    shown = tenant.id if tenant is not None else "{tenantid}"
    path = name if name.lower() in SHARED else shown
    cloud = CLOUDS[world.settings.cloud if tenant is None else tenant.cloud]
    graph_host = world.settings.msgraph_host or base_url.split("://", 1)[1]
    if tenant is not None and tenant.cloud != world.settings.cloud:
        base_url, graph_host = f"https://{cloud.login_host}", cloud.graph_host
    return json_response(
        200,
        {
            "issuer": f"{base_url}/{shown}/v2.0",
            "authorization_endpoint": f"{base_url}/{path}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base_url}/{path}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base_url}/{path}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{base_url}/{path}/oauth2/v2.0/logout",
            "jwks_uri": f"{base_url}/{path}/discovery/v2.0/keys",
            "response_types_supported": ["code", "id_token", "code id_token"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": None if tenant is None else cloud.region or "OC",
            "cloud_instance_name": cloud.instance_name,
            "cloud_graph_host_name": cloud.azure_graph_host,
            "msgraph_host": graph_host,
        }
        | ({"tenant_region_sub_scope": cloud.sub_region} if tenant is not None and cloud.sub_region else {}),
    )


def instances(base_url: str) -> Response:
    host = base_url.split("://", 1)[1]
    return json_response(
        200,
        {
            "tenant_discovery_endpoint": f"{base_url}/common/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        },
    )


def keys(world: MicrosoftWorld) -> Response:
    key: Json = RSAAlgorithm.to_jwk(world.signing_key().public_key(), as_dict=True)
    return json_response(200, {"keys": [key | {"kid": tokens.key_id(world), "use": "sig", "alg": "RS256"}]})


def token(world: MicrosoftWorld, name: str, request: Request, base_url: str) -> Response:
    form = {k: v[0] for k, v in parse_qs(request.body.decode(), keep_blank_values=True).items()}
    correlation = request.headers.get("client-request-id")
    try:
        cut = _strike(world, request, form)
        with world.lock:
            response = Response(502, cut=True) if cut == "cut_before" else _token(world, name, request, form, base_url)
        response = Response(502, cut=True) if cut == "cut_after" else response
    except AadError as refusal:
        response = refusal.response(world.now(), correlation)
    with world.lock:
        world.calls["oauth.token"] += 1
        world.calls[f"oauth.token.{form.get('grant_type', '')}"] += 1
        world.call_statuses[response.status] += 1
    return response


def _strike(world: MicrosoftWorld, request: Request, form: dict[str, str]) -> str | None:
    """The faults that wait for the token endpoint; a slow answer keeps nobody else waiting."""
    with world.lock:
        held = world.refresh_tokens.get(form.get("refresh_token", ""))
        email = held.email if held else None
        fault = world.faults.take("oauth.token", request.path, email, group="oauth")
        fault = fault or world.faults.take("oauth.token", request.path, email)
    if fault is None:
        return None
    if fault.kind == "hang":
        world.sleep(fault.seconds)
        return None
    if fault.kind == "aadsts":
        raise AadError(fault.number, form.get("client_id", ""), error=fault.error)
    if fault.kind in {"cut_before", "cut_after"}:
        return fault.kind
    refusal = fault.refusal()
    raise AadError(90033, error="temporarily_unavailable", status=refusal.status if refusal else 503)


def _token(world: MicrosoftWorld, name: str, request: Request, form: dict[str, str], base_url: str) -> Response:
    tenant = find_tenant(world, name)
    check_cloud(world, tenant)
    app = credentials.client(world, name, tenant, request, form, base_url)
    check_audience(app, name)
    match form.get("grant_type"):
        case "authorization_code":
            return _redeem(world, name, app, form, base_url)
        case "refresh_token":
            return _refreshed(world, name, app, form, base_url)
        case "client_credentials":
            if tenant is None:
                raise AadError(50059)
            return _app_only(world, tenant, app, form)
    raise AadError(70003, error="unsupported_grant_type")


def _redeem(world: MicrosoftWorld, name: str, app: App, form: dict[str, str], base_url: str) -> Response:
    code = world.codes.get(form.get("code", ""))
    if code is None or code.client_id != app.id:
        raise AadError(70000, "code")
    if code.used:
        raise AadError(54005)
    if code.expires_at <= world.seconds():
        raise AadError(70008)
    if form.get("redirect_uri") != code.redirect_uri:
        raise AadError(50011, form.get("redirect_uri", ""), app.id, error="invalid_grant")
    if code.challenge is not None:
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if not hmac.compare_digest(code.challenge, base64.urlsafe_b64encode(hashed).decode().rstrip("=")):
            raise AadError(501481)
    code.used = True
    account = world.accounts[code.email]
    if not account.enabled:
        raise AadError(50057, error="invalid_grant")
    if not admits(world, name, account):
        raise AadError(50020, account.email, name, error="invalid_grant")
    issuer = f"{base_url}/{account.tenant}/v2.0"
    wanted = _asked_scopes(form, code.scopes)
    return json_response(200, tokens.reply(world, app.id, account, wanted, issuer, code.nonce))


def _refreshed(world: MicrosoftWorld, name: str, app: App, form: dict[str, str], base_url: str) -> Response:
    held = tokens.live_refresh(world, form.get("refresh_token", ""), app.id)
    account = world.accounts[held.email]
    if not admits(world, name, account):
        raise AadError(50020, account.email, name, error="invalid_grant")
    wanted = _asked_scopes(form, held.scopes)
    if not tokens.consented(world, app.id, account, wanted):
        raise AadError(65001, app.id)
    issuer = f"{base_url}/{account.tenant}/v2.0"
    return json_response(200, tokens.reply(world, app.id, account, wanted, issuer, None))


def _asked_scopes(form: dict[str, str], granted: list[str]) -> list[str]:
    asked = form.get("scope", "").split() or granted
    beyond = set(tokens.plain(asked)) - tokens.SIGN_IN - set(granted) - {".default"}
    if beyond and form.get("grant_type") == "authorization_code":
        raise AadError(70011, " ".join(sorted(beyond)))
    return [*asked, *[s for s in granted if s in tokens.SIGN_IN and s not in asked]]


def _app_only(world: MicrosoftWorld, tenant: Tenant, app: App, form: dict[str, str]) -> Response:
    scope = form.get("scope", "")
    if not scope.endswith("/.default") or len(scope.split()) != 1:
        raise AadError(1002012, scope)
    if scope != f"https://{CLOUDS[world.settings.cloud].graph_host}/.default":
        raise AadError(500011, scope.removesuffix("/.default"), tenant.name)
    if not knows(tenant, app):
        raise AadError(7000229, app.id, tenant.id)
    access = tokens.issue_app_access(world, app, tenant)
    life = world.settings.access_token_seconds
    return json_response(
        200, {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": access.value}
    )
