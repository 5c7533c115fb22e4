"""Refusals as Microsoft words them: `GraphError` below Graph, `AadError` at the identity platform.

A client may rely on the status and `error.code` of the first, and on `error` of the second; AADSTS numbers are for
wording only, as Microsoft itself says.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime

from simulators.common.wire import Json, Response, json_response


class GraphError(Exception):
    """A refusal with a status, Graph's `code` and a sentence."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Json | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.extra = extra or {}

    def body(self, request_id: str = "", date: str = "") -> Json:
        inner = {"date": date, "request-id": request_id, "client-request-id": request_id}
        return {"error": {"code": self.code, "message": self.message} | self.extra | {"innerError": inner}}

    def response(self, request_id: str, date: str) -> Response:
        return json_response(self.status, self.body(request_id, date), self.headers)


def bad_property(message: str) -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def bad_body(message: str) -> GraphError:
    return GraphError(400, "RequestBodyRead", message)


def bad_query(message: str) -> GraphError:
    return GraphError(400, "ErrorInvalidUrlQuery", message)


def bad_request(message: str) -> GraphError:
    return GraphError(400, "ErrorInvalidRequest", message)


def not_found() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def bad_id() -> GraphError:
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def access_denied(message: str = "Access is denied. Check credentials and try again.") -> GraphError:
    return GraphError(403, "ErrorAccessDenied", message)


def stale() -> GraphError:
    message = (
        "The send or update operation could not be performed because the change key passed in the request does not "
        "match the current change key for the item."
    )
    return GraphError(412, "ErrorIrresolvableConflict", message)


def unauthenticated(message: str = "Access token has expired or is not yet valid.") -> GraphError:
    challenge = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
    return GraphError(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": challenge})


def too_many(code: str, message: str, retry_after: int) -> GraphError:
    return GraphError(429, code, message, headers={"Retry-After": str(retry_after)})


CODES: dict[int, tuple[int, str, str, str | None]] = {
    50011: (400, "invalid_request", "The redirect URI '{0}' does not match those of the application '{1}'.", None),
    50020: (400, "invalid_request", "User account '{0}' does not exist in tenant '{1}' and cannot access it.", None),
    50027: (401, "invalid_client", "JWT token is invalid or malformed: {0}.", None),
    50048: (401, "invalid_client", "Subject must match the issuer claim in the client assertion.", None),
    50057: (400, "invalid_grant", "The user account is disabled.", None),
    50058: (400, "login_required", "A silent sign-in request was sent but no user is signed in.", None),
    50059: (
        400,
        "invalid_request",
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
        None,
    ),
    50076: (400, "interaction_required", "You must use multi-factor authentication to access '{0}'.", "basic_action"),
    50079: (400, "interaction_required", "You must enroll in multi-factor authentication.", "basic_action"),
    50105: (400, "interaction_required", "The signed in user is not assigned to a role for the application.", None),
    50173: (
        400,
        "invalid_grant",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        "bad_token",
    ),
    50194: (
        400,
        "invalid_request",
        "Application '{0}' is not configured as a multi-tenant application. Usage of the /common endpoint is not "
        "supported for such apps.",
        None,
    ),
    53003: (400, "interaction_required", "Access has been blocked by Conditional Access policies.", "message_only"),
    54005: (400, "invalid_grant", "OAuth2 Authorization code was already redeemed, please retry.", None),
    65001: (
        400,
        "invalid_grant",
        "The user or administrator has not consented to use the application with ID '{0}'.",
        "consent_required",
    ),
    65004: (400, "access_denied", "User declined to consent to access the app.", None),
    70000: (400, "invalid_grant", "The provided value for the input parameter '{0}' is not valid.", None),
    70008: (400, "invalid_grant", "The provided authorization code or refresh token has expired.", "token_expired"),
    70011: (400, "invalid_scope", "The provided value for the input parameter 'scope' is not valid: '{0}'.", None),
    70043: (400, "invalid_grant", "The refresh token has expired due to sign-in frequency checks.", "token_expired"),
    90002: (400, "invalid_tenant", "Tenant '{0}' not found. Check to make sure you have the correct tenant ID.", None),
    90014: (400, "invalid_request", "The required field '{0}' is missing from the credential.", None),
    90038: (400, "invalid_tenant", "Tenant '{0}' belongs to the national cloud '{1}'.", None),
    90094: (400, "consent_required", "An administrator must consent before the application '{0}' can be used.", None),
    500011: (400, "invalid_resource", "The resource principal named {0} was not found in the tenant named {1}.", None),
    501481: (400, "invalid_grant", "The Code_Verifier does not match the code_challenge supplied.", None),
    700016: (400, "unauthorized_client", "Application with identifier '{0}' was not found in directory '{1}'.", None),
    700021: (
        401,
        "invalid_client",
        "Client assertion application identifier does not match 'client_id' parameter.",
        None,
    ),
    700023: (401, "invalid_client", "Client assertion audience claim '{0}' does not match Realm issuer.", None),
    700024: (
        401,
        "invalid_client",
        "Client assertion is not within its valid time range: expiry time of assertion {0}.",
        None,
    ),
    700027: (401, "invalid_client", "Client assertion failed signature validation. Reason: {0}", None),
    700082: (
        400,
        "invalid_grant",
        "The refresh token has expired due to inactivity of 90 days. Please reauthenticate.",
        "token_expired",
    ),
    700084: (400, "invalid_grant", "The refresh token was issued to a single page app and has expired.", None),
    1002012: (400, "invalid_scope", "The provided value for scope {0} is not valid: use '/.default'.", None),
    7000215: (401, "invalid_client", "Invalid client secret provided for app '{0}'.", None),
    7000218: (
        401,
        "invalid_client",
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        None,
    ),
    7000229: (
        400,
        "unauthorized_client",
        "The client application {0} is missing service principal in the tenant {1}.",
        None,
    ),
    7000222: (401, "invalid_client", "The provided client secret keys for app '{0}' are expired.", None),
}
"""AADSTS number: (status, error, sentence, suberror)."""


class AadError(Exception):
    """A refusal of the identity platform by its AADSTS number; `error` overrides the usual word."""

    def __init__(self, number: int, *words: str, error: str | None = None, status: int | None = None) -> None:
        usual = CODES.get(number, (400, "invalid_request", "The request was refused.", None))
        self.number = number
        self.status = status or usual[0]
        self.error = error or usual[1]
        self.suberror = usual[3]
        self.sentence = usual[2].format(*words, *("",) * 3)
        super().__init__(f"AADSTS{number}: {self.sentence}")

    def description(self, now: datetime, trace: str) -> str:
        return (
            f"AADSTS{self.number}: {self.sentence} Trace ID: {trace} Correlation ID: {trace} "
            f"Timestamp: {now:%Y-%m-%d %H:%M:%S}Z"
        )

    def body(self, now: datetime, correlation: str | None = None) -> Json:
        trace = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.number}{now}"))
        found: Json = {
            "error": self.error,
            "error_description": self.description(now, trace),
            "error_codes": [self.number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%S}Z",
            "trace_id": trace,
            "correlation_id": correlation or trace,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        return found | ({"suberror": self.suberror} if self.suberror else {})

    def response(self, now: datetime, correlation: str | None = None) -> Response:
        body = json.dumps(self.body(now, correlation)).encode()
        return Response(self.status, {"Content-Type": "application/json; charset=utf-8"}, body)
