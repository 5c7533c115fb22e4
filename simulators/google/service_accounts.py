"""Service accounts: keys, delegation for a whole domain, and the assertion that becomes an access token.

`create` makes one with its key file, `add_key` a second key beside the first; `delegate` is what a super administrator
does in the domain's admin console (Security, API controls, domain-wide delegation). `redeem` is the jwt-bearer grant at
the token endpoint. Source: "Using OAuth 2.0 for server to server applications".
"""

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from simulators.google import grants
from simulators.google.model import ServiceAccount, ServiceAccountKey
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAX_KEYS = 10
_AUDIENCE = "https://oauth2.googleapis.com/token"
_CLOCK_SKEW = 300
_NO_SUCH_USER = "Invalid email or User ID"


class NotDelegated(Exception):
    """(status, error, description) of the refusal."""


def create(world: GoogleWorld, name: str, base_url: str) -> Json:
    """Register one, which may act for nobody yet; the content of its key file."""
    email = f"{name}@simulated.iam.gserviceaccount.com"
    with world.lock:
        if email in world.service_accounts:
            raise ValueError(f"service account {email} exists")
        client_id = str(10**20 + world.next_stamp())
        world.service_accounts[email] = ServiceAccount(email, client_id)
    return add_key(world, email, base_url)


def add_key(world: GoogleWorld, email: str, base_url: str) -> Json:
    """One more key, as the content of a key file; the others go on living."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with world.lock:
        account = world.service_accounts[email]
        if len(account.keys) >= MAX_KEYS:
            raise ValueError(f"a service account holds at most {MAX_KEYS} keys")
        made = ServiceAccountKey(world.secret("", 40), public.decode())
        account.keys.append(made)
    return {
        "type": "service_account",
        "project_id": "simulated",
        "private_key_id": made.id,
        "private_key": private.decode(),
        "client_email": email,
        "client_id": account.client_id,
        "token_uri": f"{base_url}/token",
    }


def drop_key(world: GoogleWorld, email: str, key_id: str) -> None:
    """The key is worth nothing from now on; tokens that were made with it live to their end."""
    account = world.service_accounts[email]
    account.keys = [key for key in account.keys if key.id != key_id]


def delegate(world: GoogleWorld, domain: str, client_id: str, scopes: list[str]) -> None:
    """Let a client id act for everybody of the domain with these scopes and no others; with none, not at all."""
    with world.lock:
        allowed = world.domain(domain).delegations
        if scopes:
            allowed[client_id] = list(scopes)
        else:
            allowed.pop(client_id, None)


def redeem(world: GoogleWorld, assertion: str, token_url: str) -> Json:
    """The token answer for an assertion. Raises `NotDelegated`."""
    claims, account = _verified(world, assertion, token_url)
    subject = str(claims.get("sub", ""))
    scopes = str(claims.get("scope", "")).split()
    if not scopes:
        raise NotDelegated(400, "invalid_scope", "Empty or missing scope not allowed.")
    if subject in {"", account.email}:
        # Nobody is acted for: a token all the same, for the service account's own empty calendar.
        subject = _as_itself(world, account)
    else:
        _check_delegation(world, account, subject, scopes)
    grant = grants.add_scopes(world, account.email, subject, scopes)
    access = grants.issue_access(world, grant, scopes)
    return {"access_token": access.value, "expires_in": grants.ACCESS_SECONDS, "token_type": "Bearer"}


def _check_delegation(world: GoogleWorld, account: ServiceAccount, subject: str, scopes: list[str]) -> None:
    allowed = world.domain(subject.rpartition("@")[2]).delegations.get(account.client_id, [])
    if not set(scopes) <= set(allowed):
        text = (
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
        )
        raise NotDelegated(401, "unauthorized_client", text + "the scopes requested.")
    person = world.accounts.get(subject)
    if person is None or person.suspended:
        raise NotDelegated(400, "invalid_grant", _NO_SUCH_USER)


def _as_itself(world: GoogleWorld, account: ServiceAccount) -> str:
    if account.email not in world.accounts:
        world.add_account(account.email).service = True
    return account.email


def _verified(world: GoogleWorld, assertion: str, token_url: str) -> tuple[Json, ServiceAccount]:
    # The times are compared with the world's clock below, not with the machine's.
    options: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
        account = world.service_accounts.get(str(unverified.get("iss")))
        if account is None:
            raise NotDelegated(400, "invalid_grant", "Invalid grant: account not found")
        named = jwt.get_unverified_header(assertion).get("kid")
        keys = [key for key in account.keys if key.enabled and named in {None, key.id}]
        claims = _first_that_fits(assertion, keys, options, [_AUDIENCE, token_url])
    except jwt.PyJWTError as error:
        raise NotDelegated(400, "invalid_grant", "Invalid JWT Signature.") from error
    now = world.seconds()
    issued, expires = float(claims.get("iat", 0)), float(claims.get("exp", 0))
    if expires <= now - _CLOCK_SKEW or issued > now + _CLOCK_SKEW or expires - issued > 3600 + _CLOCK_SKEW:
        text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        raise NotDelegated(400, "invalid_grant", text)
    return claims, account


def _first_that_fits(assertion: str, keys: list[ServiceAccountKey], options: Options, audiences: list[str]) -> Json:
    for key in keys:
        try:
            claims: Json = jwt.decode(assertion, key.public_pem, ["RS256"], options, audience=audiences)
        except jwt.InvalidSignatureError:
            continue
        return claims
    raise jwt.InvalidSignatureError("no key of the account fits")
