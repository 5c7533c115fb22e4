"""Google's OAuth endpoints: consent, token, revoke, keys.

`authorize` shows the page or takes its form; `token`, `revoke`, `certs` and `configuration` are what a client library
calls. `bearer` finds the live access token of an API request.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

import jwt
from jwt.algorithms import RSAAlgorithm

from simulators.google import consent, grants, service_accounts
from simulators.google.model import AccessToken, Client, Code
from simulators.google.wire import Json, Request, Response, json_response
from simulators.google.world import GoogleWorld

ISSUER = "https://accounts.google.com"
CODE_SECONDS = 600
REVOKED = "Token has been expired or revoked."


class _Refused(Exception):
    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        words = {"error_description": description} if description else {}
        self.response = json_response(status, {"error": error} | words)


def bearer(world: GoogleWorld, request: Request) -> AccessToken | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    token = world.access_tokens.get(value.strip()) if kind.lower() == "bearer" else None
    if token is None or token.expires_at <= world.seconds() or token.email not in world.accounts:
        return None
    return None if world.accounts[token.email].suspended else token


def authorize(world: GoogleWorld, request: Request) -> Response:
    """GET shows the page; POST to the same address takes `account`, `granted` (repeats) or `scopes=all`, `decision`."""
    asked = {name: values[0] for name, values in request.query.items()}
    with world.lock:
        world.calls["oauth.auth"] += 1
        fault = consent.fault_in(world, asked)
        if fault:
            return consent.error_page(*fault)
        wrong = _wrong_request(asked)
        if wrong:
            return _back(asked, {"error": wrong})
        if request.method == "GET":
            return consent.page(world, asked)
        return _decided(world, asked, parse_qs(request.body.decode(), keep_blank_values=True))


def token(world: GoogleWorld, request: Request, own_url: str) -> Response:
    form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
    try:
        _strike(world, request)
        with world.lock:
            response = _token(world, request, form, own_url)
    except _Refused as refusal:
        response = refusal.response
    except service_accounts.NotDelegated as refusal:
        status, error, description = refusal.args
        response = json_response(status, {"error": error, "error_description": description})
    with world.lock:
        world.calls["oauth.token"] += 1
        world.call_statuses[response.status] += 1
    return response


def revoke(world: GoogleWorld, request: Request) -> Response:
    """One token ends the whole grant of that account and client."""
    form = parse_qs(request.body.decode()) | dict(request.query)
    value = form.get("token", [""])[0]
    with world.lock:
        world.calls["oauth.revoke"] += 1
        fault = world.faults.take("oauth.revoke", request.path, None, None)
        refusal = fault.refusal() if fault else None
        if refusal is not None:
            return refusal.response()
        found = world.refresh_tokens.get(value) or world.access_tokens.get(value)
        if found is None:
            return json_response(400, {"error": "invalid_token", "error_description": "Token expired or revoked"})
        grants.revoke_grant(world, found.client_id, found.email)
        return json_response(200, {})


def certs(world: GoogleWorld) -> Response:
    key: Json = RSAAlgorithm.to_jwk(world.signing_key().public_key(), as_dict=True)
    return json_response(200, {"keys": [key | {"kid": _key_id(world), "use": "sig", "alg": "RS256"}]})


def configuration(base_url: str) -> Response:
    return json_response(
        200,
        {
            "issuer": ISSUER,
            "authorization_endpoint": f"{base_url}/o/oauth2/v2/auth",
            "token_endpoint": f"{base_url}/token",
            "revocation_endpoint": f"{base_url}/revoke",
            "jwks_uri": f"{base_url}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
        },
    )


def _wrong_request(asked: Mapping[str, str]) -> str | None:
    if asked.get("code_challenge") and asked.get("code_challenge_method", "plain") not in {"S256", "plain"}:
        return "invalid_request"
    # Without a page nobody can be asked; Google says so by redirect.
    return "interaction_required" if asked.get("prompt") == "none" else None


def _decided(world: GoogleWorld, asked: Mapping[str, str], form: Mapping[str, list[str]]) -> Response:
    email = form.get("account", [""])[0]
    if form.get("decision", [""])[0] != "allow":
        return _back(asked, {"error": "access_denied"})
    if email not in world.accounts or world.accounts[email].suspended:
        return consent.error_page("Error 400: invalid_request", "There is no such account in the simulator.")
    wanted = asked["scope"].split()
    ticked = set(form.get("granted", []))
    if form.get("scopes") == ["all"]:
        ticked = set(wanted) - set(world.accounts[email].unticked)
    scopes = grants.full_names([s for s in wanted if s in grants.SIGN_IN or s in ticked])
    known = grants.grant_of(world, asked["client_id"], email)
    if asked.get("include_granted_scopes") == "true" and known:
        scopes = grants.full_names([*scopes, *known.scopes])
    code = Code(
        value=world.secret("4/0A", 60),
        client_id=asked["client_id"],
        email=email,
        redirect_uri=asked["redirect_uri"],
        scopes=scopes,
        offline=asked.get("access_type") == "offline",
        forced_consent="consent" in asked.get("prompt", "").split(),
        challenge=_challenge(asked),
        nonce=asked.get("nonce"),
        expires_at=world.seconds() + CODE_SECONDS,
    )
    world.codes[code.value] = code
    return _back(asked, {"code": code.value, "scope": " ".join(scopes), "authuser": "0", "prompt": "consent"})


def _challenge(asked: Mapping[str, str]) -> str | None:
    given = asked.get("code_challenge")
    return None if not given else f"{asked.get('code_challenge_method', 'plain')}:{given}"


def _back(asked: Mapping[str, str], answer: dict[str, str]) -> Response:
    state = {"state": asked["state"]} if "state" in asked else {}
    joint = "&" if "?" in asked["redirect_uri"] else "?"
    location = asked["redirect_uri"] + joint + urlencode(state | answer)
    return Response(302, {"Location": location, "Cache-Control": "no-store"})


def _token(world: GoogleWorld, request: Request, form: dict[str, str], own_url: str) -> Response:
    kind = form.get("grant_type")
    if kind == service_accounts.GRANT:
        return json_response(200, service_accounts.redeem(world, form.get("assertion", ""), own_url))
    client = _client(world, request, form)
    if kind == "authorization_code":
        return _redeem(world, client, form)
    if kind == "refresh_token":
        return _refreshed(world, client, form.get("refresh_token", ""))
    raise _Refused(400, "unsupported_grant_type", f"Invalid grant_type: {kind or ''}")


def _refreshed(world: GoogleWorld, client: Client, value: str) -> Response:
    live = grants.live_refresh(world, value, client.id)
    if live is None:
        raise _Refused(400, "invalid_grant", REVOKED)
    grant = grants.add_scopes(world, client.id, live.email, [])
    access = grants.issue_access(world, grant, live.scopes)
    return json_response(200, _answer(world, client, live.email, live.scopes, access, nonce=None))


def _strike(world: GoogleWorld, request: Request) -> None:
    """The faults that wait for the token endpoint; a slow answer keeps nobody else waiting."""
    with world.lock:
        fault = world.faults.take("oauth.token", request.path, None, None, group="oauth")
        fault = fault or world.faults.take("oauth.token", request.path, None, None)
    if fault is None:
        return
    if fault.kind == "hang":
        world.sleep(fault.seconds)
    elif fault.kind == "invalid_grant":
        raise _Refused(400, "invalid_grant", fault.description or REVOKED)
    elif fault.kind == "oauth_error":
        raise _Refused(fault.status, fault.error, fault.description)
    else:
        refusal = fault.refusal()
        raise _Refused(refusal.code if refusal else 503, "internal_failure", "Backend Error")


def _client(world: GoogleWorld, request: Request, form: dict[str, str]) -> Client:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
    client = world.clients.get(client_id)
    if client is None:
        raise _Refused(401, "invalid_client", "The OAuth client was not found.")
    if not hmac.compare_digest(client.secret, secret):
        raise _Refused(401, "invalid_client", "Unauthorized")
    return client


def _redeem(world: GoogleWorld, client: Client, form: dict[str, str]) -> Response:
    code = world.codes.get(form.get("code", ""))
    if code is None or code.client_id != client.id:
        raise _Refused(400, "invalid_grant", "Malformed auth code.")
    if code.used or code.expires_at <= world.seconds():
        raise _Refused(400, "invalid_grant", "Bad Request")
    if form.get("redirect_uri") != code.redirect_uri:
        raise _Refused(400, "redirect_uri_mismatch", "Bad Request")
    _check_verifier(code, form.get("code_verifier"))
    code.used = True
    first = grants.grant_of(world, client.id, code.email) is None
    grant = grants.add_scopes(world, client.id, code.email, code.scopes)
    access = grants.issue_access(world, grant, code.scopes)
    reply = _answer(world, client, code.email, code.scopes, access, nonce=code.nonce)
    if code.offline and (first or code.forced_consent):
        reply["refresh_token"] = grants.issue_refresh(world, grant, code.scopes).value
    return json_response(200, reply)


def _check_verifier(code: Code, verifier: str | None) -> None:
    if code.challenge is None:
        return
    if not verifier:
        raise _Refused(400, "invalid_grant", "Missing code verifier.")
    method, _, challenge = code.challenge.partition(":")
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    if not hmac.compare_digest(challenge, hashed if method == "S256" else verifier):
        raise _Refused(400, "invalid_grant", "Invalid code verifier.")


def _answer(
    world: GoogleWorld, client: Client, email: str, scopes: list[str], access: AccessToken, *, nonce: str | None
) -> Json:
    reply: Json = {
        "access_token": access.value,
        "expires_in": grants.ACCESS_SECONDS,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }
    if "openid" in scopes:
        reply["id_token"] = _id_token(world, client, email, scopes, nonce)
    return reply


def _id_token(world: GoogleWorld, client: Client, email: str, scopes: list[str], nonce: str | None) -> str:
    account = world.accounts[email]
    now = int(world.seconds())
    claims: Json = {
        "iss": ISSUER,
        "azp": client.id,
        "aud": client.id,
        "sub": account.sub,
        "iat": now,
        "exp": now + 3600,
    }
    names = set(grants.full_names(scopes))
    if any(name.endswith("userinfo.email") for name in names):
        claims |= {"email": email, "email_verified": True}
    if any(name.endswith("userinfo.profile") for name in names):
        claims["name"] = account.name
    if nonce:
        claims["nonce"] = nonce
    return jwt.encode(claims, world.signing_key(), algorithm="RS256", headers={"kid": _key_id(world)})


def _key_id(world: GoogleWorld) -> str:
    numbers = world.signing_key().public_key().public_numbers()
    return hashlib.sha256(str(numbers.n).encode()).hexdigest()[:40]
