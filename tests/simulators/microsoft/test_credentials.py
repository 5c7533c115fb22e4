"""How an app proves itself: secrets that expire beside each other, certificates, assertions. MSAL is the client."""

import datetime
import uuid
from typing import Any

import jwt
import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from .conftest import ADA, Graph, Microsoft

DEFAULT = "https://graph.microsoft.com/.default"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def certificate() -> tuple[str, str]:
    """A key and its certificate as an administrator makes them: (private PEM, certificate PEM)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lockstep")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def pair() -> tuple[str, str]:
    return certificate()


@pytest.fixture
def there(microsoft: Microsoft, pair: tuple[str, str]) -> Any:
    """The app with a certificate, in a tenant that has consented; the clock is the machine's, by which MSAL signs."""
    microsoft.moment = datetime.datetime.now(datetime.UTC)
    microsoft.control("PATCH", "tenants/contoso.example", {"roles": {"client": ["Calendars.ReadWrite"]}})
    return microsoft.control("POST", "clients/client/certificates", {"certificate": pair[1]})


def by_msal(microsoft: Microsoft, credential: Any) -> Any:
    app = msal.ConfidentialClientApplication(
        "client",
        client_credential=credential,
        authority=f"{microsoft.url}/contoso.example",
        instance_discovery=False,
        http_client=microsoft.session,
    )
    return app.acquire_token_for_client([DEFAULT])


def with_secret(microsoft: Microsoft, secret: str) -> Any:
    return microsoft.app("contoso.example", secret=secret).acquire_token_for_client([DEFAULT])


def by_hand(microsoft: Microsoft, pair: tuple[str, str], there: Any, **changed: Any) -> Any:
    """An assertion with something wrong about it. A name with a leading `_` is of the header."""
    now = int(microsoft.moment.timestamp())
    url = f"{microsoft.url}/contoso.example/oauth2/v2.0/token"
    claims = {"aud": url, "iss": "client", "sub": "client", "nbf": now, "exp": now + 600, "jti": str(uuid.uuid4())}
    header = {"x5t#S256": there["sha256"]} | {k[1:]: v for k, v in changed.items() if k.startswith("_")}
    claims |= {k: v for k, v in changed.items() if not k.startswith("_")}
    claims = {k: v for k, v in claims.items() if v is not None}
    assertion = jwt.encode(claims, pair[0], algorithm=header.pop("alg", "PS256"), headers=header)
    form = {"grant_type": "client_credentials", "client_id": "client", "scope": DEFAULT}
    form |= {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return microsoft.session.post(url, data=form, timeout=10).json()


def test_two_secrets_live_side_by_side_until_each_expires(microsoft: Microsoft, there: Any) -> None:
    fresh = microsoft.control("POST", "clients/client/secrets", {"name": "new", "days": 30})["value"]
    assert "access_token" in with_secret(microsoft, "secret")
    assert "access_token" in with_secret(microsoft, fresh)
    assert with_secret(microsoft, fresh + "x")["error_codes"] == [7000215]
    microsoft.pass_time(days=31)
    late = with_secret(microsoft, fresh)
    assert (late["error"], late["error_codes"]) == ("invalid_client", [7000222])
    assert "access_token" in with_secret(microsoft, "secret")


def test_a_secret_that_was_deleted_is_wrong_and_not_expired(microsoft: Microsoft, there: Any) -> None:
    made = microsoft.control("POST", "clients/client/secrets")
    assert "access_token" in with_secret(microsoft, made["value"])
    microsoft.control("DELETE", f"clients/client/secrets/{made['id']}")
    assert with_secret(microsoft, made["value"])["error_codes"] == [7000215]


def test_a_request_that_proves_nothing_is_told_what_is_missing(microsoft: Microsoft, there: Any) -> None:
    form = {"grant_type": "client_credentials", "client_id": "client", "scope": DEFAULT}
    url = f"{microsoft.url}/contoso.example/oauth2/v2.0/token"
    assert microsoft.session.post(url, data=form, timeout=10).json()["error_codes"] == [7000218]


@pytest.mark.parametrize("old_way", [False, True])
def test_msal_signs_in_by_certificate_in_both_its_ways(
    microsoft: Microsoft, pair: tuple[str, str], there: Any, old_way: bool
) -> None:
    private, public = pair
    thumbprint = x509.load_pem_x509_certificate(public.encode()).fingerprint(hashes.SHA1()).hex()
    named = {"thumbprint": thumbprint} if old_way else {"public_certificate": public}
    found = by_msal(microsoft, {"private_key": private, **named})
    graph = Graph(microsoft.url, microsoft.session, found["access_token"])
    assert graph("GET", f"/users/{ADA}/calendars")["value"][0]["name"] == "Calendar"


def test_the_token_names_its_roles_and_is_signed(microsoft: Microsoft, pair: tuple[str, str], there: Any) -> None:
    token = by_hand(microsoft, pair, there)["access_token"]
    found = microsoft.session.get(f"{microsoft.url}/common/discovery/v2.0/keys", timeout=10).json()
    claims = jwt.decode(
        token, jwt.PyJWKSet.from_dict(found).keys[0], algorithms=["RS256"], audience="https://graph.microsoft.com"
    )
    tenant = microsoft.world.accounts[ADA].tenant
    assert (claims["roles"], claims["appid"], claims["tid"], claims["idtyp"]) == (
        ["Calendars.ReadWrite"],
        "client",
        tenant,
        "app",
    )
    microsoft.control("PATCH", "tenants/contoso.example", {"roles": {"client": []}})
    later = jwt.decode(by_hand(microsoft, pair, there)["access_token"], options={"verify_signature": False})
    assert "roles" not in later


def test_a_certificate_that_was_not_uploaded_or_has_expired_opens_nothing(
    microsoft: Microsoft, pair: tuple[str, str], there: Any
) -> None:
    stranger = certificate()
    refused = by_msal(microsoft, {"private_key": stranger[0], "public_certificate": stranger[1]})
    assert (refused["error"], refused["error_codes"]) == ("invalid_client", [700027])
    assert by_hand(microsoft, stranger, there)["error_codes"] == [700027], "the right name over the wrong key"
    second = microsoft.control("POST", "clients/client/certificates", {"certificate": stranger[1], "days": 1})
    assert "access_token" in by_hand(microsoft, stranger, second)
    assert "access_token" in by_hand(microsoft, pair, there), "two certificates live side by side"
    microsoft.pass_time(days=2)
    assert by_hand(microsoft, stranger, second)["error_codes"] == [700027]
    assert "access_token" in by_hand(microsoft, pair, there)


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"aud": "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"}, 700023),
        ({"aud": ["a", "b"]}, 50027),
        ({"iss": "other"}, 50048),
        ({"iss": "other", "sub": "other"}, 700021),
        ({"jti": None}, 50027),
        ({"exp": None}, 50027),
        ({"exp": 1_000_000_000}, 700024),
        ({"nbf": 4_000_000_000, "exp": 4_000_000_600}, 700024),
        ({"_x5t#S256": None}, 700027),
        ({"_alg": "RS384"}, 50027),
    ],
)
def test_an_assertion_is_checked_in_every_claim(
    microsoft: Microsoft, pair: tuple[str, str], there: Any, changed: Any, number: int
) -> None:
    assert by_hand(microsoft, pair, there, **changed)["error_codes"] == [number]


def test_an_assertion_may_be_made_to_work_only_once(microsoft: Microsoft, pair: tuple[str, str], there: Any) -> None:
    name = str(uuid.uuid4())
    assert "access_token" in by_hand(microsoft, pair, there, jti=name)
    assert "access_token" in by_hand(microsoft, pair, there, jti=name), "MSAL itself uses one for nine minutes"
    microsoft.control("POST", "settings", {"replayed_assertions": "refused"})
    assert by_hand(microsoft, pair, there, jti=name)["error_codes"] == [50027]
    assert "access_token" in by_hand(microsoft, pair, there)


def test_a_certificate_proves_the_app_in_every_grant(microsoft: Microsoft, pair: tuple[str, str], there: Any) -> None:
    wanted = {"email": ADA, "client_id": "client", "scopes": ["Calendars.ReadWrite"]}
    refresh = microsoft.control("POST", "tokens", wanted)["refresh_token"]
    app = msal.ConfidentialClientApplication(
        "client",
        client_credential={"private_key": pair[0], "public_certificate": pair[1]},
        authority=f"{microsoft.url}/contoso.example",
        instance_discovery=False,
        http_client=microsoft.session,
    )
    assert "access_token" in app.acquire_token_by_refresh_token(refresh, scopes=["Calendars.ReadWrite"])
