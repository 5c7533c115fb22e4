"""How an app proves to the token endpoint who it is: by a secret, or by an assertion that its certificate signs.

`client` is the app of a token request; it raises the AADSTS number of what is wrong. Several secrets and certificates
live beside each other, so that one can be replaced while the other works (entra: certificate-credentials; the numbers
are those of reference-error-codes, which says that no program should go by them).
"""

import base64
import hmac
from datetime import datetime

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from simulators.common.wire import Json, Request
from simulators.microsoft.errors import AadError
from simulators.microsoft.model import App, Certificate, Secret, Tenant
from simulators.microsoft.world import MicrosoftWorld

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLOCK_SKEW = 300.0


def client(
    world: MicrosoftWorld, name: str, tenant: Tenant | None, request: Request, form: dict[str, str], base_url: str
) -> App:
    """The app that sends this form to the token endpoint of `name`."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret")
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        client_id, _, secret = base64.b64decode(value).decode().partition(":")
    app = world.apps.get(client_id)
    if app is None:
        raise AadError(700016, client_id, name)
    if "client_assertion" in form:
        _check_assertion(world, app, form, _audiences(name, tenant, base_url))
    elif secret:
        _check_secret(world, app, secret)
    else:
        raise AadError(7000218)
    return app


def add_secret(world: MicrosoftWorld, app: App, value: str | None, days: float, name: str = "") -> Secret:
    made = Secret(world.guid(), value or world.secret("8Q~", 37), world.seconds() + days * 86_400, name)
    app.secrets.append(made)
    return made


def add_certificate(world: MicrosoftWorld, app: App, pem: str, expires_at: float | None = None) -> Certificate:
    """Upload a certificate's public part; it is good until its own end unless told otherwise."""
    read = x509.load_pem_x509_certificate(pem.encode())
    public = read.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    made = Certificate(
        world.guid(),
        _thumbprint(read.fingerprint(hashes.SHA1())),  # noqa: S303 - a name that assertions carry
        _thumbprint(read.fingerprint(hashes.SHA256())),
        public.decode(),
        read.not_valid_after_utc.timestamp() if expires_at is None else expires_at,
    )
    app.certificates.append(made)
    return made


def _check_secret(world: MicrosoftWorld, app: App, given: str) -> None:
    now = world.seconds()
    first = [(app.secret, not app.secret_expired)] if app.secret else []
    known = first + [(one.value, one.expires_at > now) for one in app.secrets]
    fitting = [alive for value, alive in known if hmac.compare_digest(value.encode(), given.encode())]
    if not fitting:
        raise AadError(7000215, app.id)
    if not any(fitting):
        raise AadError(7000222, app.id)


def _audiences(name: str, tenant: Tenant | None, base_url: str) -> set[str]:
    names = {name} if tenant is None else {name, tenant.id, tenant.domain}
    return {f"{base_url}/{one}/oauth2/v2.0/token" for one in names} | {f"{base_url}/{one}/v2.0" for one in names}


def _check_assertion(world: MicrosoftWorld, app: App, form: dict[str, str], audiences: set[str]) -> None:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise AadError(90014, "client_assertion_type", error="invalid_request")
    certificate, claims = _verified(app, form["client_assertion"])
    if claims.get("iss") != claims.get("sub"):
        raise AadError(50048)
    if claims.get("sub") != app.id:
        raise AadError(700021)
    if not isinstance(claims.get("aud"), str):
        raise AadError(50027, "the audience must be one string")
    if claims["aud"] not in audiences:
        raise AadError(700023, str(claims["aud"]))
    now = world.seconds()
    if certificate.expires_at <= now:
        raise AadError(700027, "The key used is expired.")
    begins, ends = _time(claims, "nbf", 0.0), _time(claims, "exp", None)
    if begins > now + _CLOCK_SKEW or ends <= now - _CLOCK_SKEW:
        raise AadError(700024, f"{datetime.fromtimestamp(ends, world.now().tzinfo):%Y-%m-%dT%H:%M:%SZ}")
    _check_fresh(world, str(claims.get("jti", "")), ends)


def _verified(app: App, assertion: str) -> tuple[Certificate, Json]:
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError as error:
        raise AadError(50027, "it cannot be read") from error
    if header.get("alg") not in {"PS256", "RS256"}:
        raise AadError(50027, f"the algorithm {header.get('alg')} is not accepted")
    named = {str(header[part]).rstrip("=") for part in ("x5t#S256", "x5t", "kid") if header.get(part)}
    certificate = next((c for c in app.certificates if named & {c.sha1, c.sha256}), None)
    if certificate is None:
        raise AadError(700027, "The key was not found.")
    # The times are compared with the world's clock by the caller, not with the machine's.
    options: jwt.types.Options = {
        **{"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        **{"verify_aud": False, "verify_sub": False, "verify_jti": False},
    }
    try:
        claims: Json = jwt.decode(assertion, certificate.public_key_pem, [header["alg"]], options)
    except jwt.PyJWTError as error:
        raise AadError(700027, "The signature does not fit the key.") from error
    return certificate, claims


def _check_fresh(world: MicrosoftWorld, name: str, ends: float) -> None:
    if not name:
        raise AadError(50027, "jti is missing")
    now = world.seconds()
    for old in [known for known, until in world.used_assertions.items() if until <= now]:
        del world.used_assertions[old]
    if name in world.used_assertions and world.settings.replayed_assertions == "refused":
        raise AadError(50027, "it was used before")
    world.used_assertions[name] = ends + _CLOCK_SKEW


def _time(claims: Json, name: str, usual: float | None) -> float:
    value = claims.get(name, usual)
    if not isinstance(value, int | float):
        raise AadError(50027, f"{name} is missing")
    return float(value)


def _thumbprint(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
