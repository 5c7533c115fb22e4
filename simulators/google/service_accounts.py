"""Service accounts with domain-wide delegation: a signed assertion for a person's address becomes an access token.

`create` makes one with its key file; `redeem` is the jwt-bearer grant at the token endpoint. Calls made with such a
token count against the quota of the service account unless they name a `quotaUser`.
"""

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.types import Options

from simulators.google import grants
from simulators.google.model import ServiceAccount
from simulators.google.wire import Json
from simulators.google.world import GoogleWorld

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_CLOCK_SKEW = 300


class NotDelegated(Exception):
    """(status, error, description) of the refusal."""


def create(world: GoogleWorld, name: str, domain: str, scopes: list[str], base_url: str) -> Json:
    """Register one that may act for everybody of `domain` with these scopes; the content of its key file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    email = f"{name}@simulated.iam.gserviceaccount.com"
    with world.lock:
        client_id = str(10**20 + world.next_stamp())
        world.service_accounts[email] = ServiceAccount(email, client_id, public.decode(), domain, list(scopes))
    return {
        "type": "service_account",
        "project_id": "simulated",
        "private_key_id": client_id,
        "private_key": private.decode(),
        "client_email": email,
        "client_id": client_id,
        "token_uri": f"{base_url}/token",
    }


def redeem(world: GoogleWorld, assertion: str, token_url: str) -> Json:
    """The token answer for an assertion. Raises `NotDelegated`."""
    claims, account = _verified(world, assertion, token_url)
    subject = str(claims.get("sub", ""))
    scopes = str(claims.get("scope", "")).split()
    if not scopes or not set(scopes) <= set(account.scopes) or subject.rpartition("@")[2] != account.domain:
        text = (
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
        )
        raise NotDelegated(401, "unauthorized_client", text + "the scopes requested.")
    if subject not in world.accounts:
        raise NotDelegated(400, "invalid_grant", "Invalid email or User ID")
    grant = grants.add_scopes(world, account.email, subject, scopes)
    access = grants.issue_access(world, grant, scopes)
    return {"access_token": access.value, "expires_in": grants.ACCESS_SECONDS, "token_type": "Bearer"}


def _verified(world: GoogleWorld, assertion: str, token_url: str) -> tuple[Json, ServiceAccount]:
    try:
        unverified = jwt.decode(assertion, options={"verify_signature": False})
        account = world.service_accounts.get(str(unverified.get("iss")))
        if account is None:
            raise NotDelegated(400, "invalid_grant", "Invalid grant: account not found")
        # The times are compared with the world's clock below, not with the machine's.
        options: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
        claims: Json = jwt.decode(
            assertion, account.public_key_pem, ["RS256"], options, audience=[_AUDIENCE, token_url]
        )
    except jwt.PyJWTError as error:
        raise NotDelegated(400, "invalid_grant", "Invalid JWT Signature.") from error
    now = world.seconds()
    issued, expires = float(claims.get("iat", 0)), float(claims.get("exp", 0))
    if expires <= now - _CLOCK_SKEW or issued > now + _CLOCK_SKEW or expires - issued > 3600 + _CLOCK_SKEW:
        text = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        raise NotDelegated(400, "invalid_grant", text)
    return claims, account
