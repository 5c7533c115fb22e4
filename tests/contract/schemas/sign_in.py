"""The OAuth 2.0 endpoints, which both providers keep alike: forms in, JSON out (RFC 6749, RFC 7636, RFC 7009).

A provider adds the members that its own pages name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

from tests.contract.schemas.wire import Exchange, Schema, closed, misfits, parsed

TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_ERROR: Final = closed(
    {
        **dict.fromkeys(("error", "error_description", "error_uri", "error_subtype", "suberror"), TEXT),
        **dict.fromkeys(("timestamp", "trace_id", "correlation_id", "claims"), TEXT),
        "error_codes": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
    },
    required=["error"],
)
_FORMS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "authorization_code": (frozenset({"code", "redirect_uri", "code_verifier"}), frozenset({"scope"})),
    "refresh_token": (frozenset({"refresh_token"}), frozenset({"scope"})),
    "client_credentials": (frozenset({"scope"}), frozenset()),
    "urn:ietf:params:oauth:grant-type:jwt-bearer": (frozenset({"assertion"}), frozenset()),
}
"""RFC 6749, 4.1, 6 and 4.4; RFC 7523, 2.1."""
_SIGNED: Final = frozenset({"client_assertion", "client_assertion_type"})
"""In place of the client's secret (RFC 7523, 2.2)."""
_SECRETLESS: Final = frozenset({"urn:ietf:params:oauth:grant-type:jwt-bearer"})
_UNSCOPED: Final = frozenset({"client_credentials", *_SECRETLESS})
"""Grants whose answers need not name a scope, as it is what was asked for (RFC 6749, 5.1)."""


def token_faults(exchange: Exchange, *, also_sent: frozenset[str] = frozenset(), answers: Schema) -> Iterator[str]:
    """A POST to the token endpoint; `also_sent` are form fields that this provider's client adds."""
    wrong: list[str] = []
    form = _form(exchange, wrong)
    kind = form.pop("grant_type", "")
    if kind not in _FORMS:
        wrong.append(f"request is for the grant {kind!r}, which is none of this product's")
    required, optional = _FORMS.get(kind, (frozenset(), frozenset()))
    if kind not in _SECRETLESS:
        required |= {"client_id"} | (_SIGNED if "client_assertion" in form else {"client_secret"})
    wrong.extend(f"request lacks the field {name!r}" for name in sorted(required - {n for n, v in form.items() if v}))
    unknown = set(form) - required - optional - also_sent
    wrong.extend(f"request has the field {name!r}, which no document names" for name in sorted(unknown))
    yield from wrong
    if kind in _UNSCOPED:
        answers = {**answers, "required": [name for name in answers["required"] if name != "scope"]}
    yield from answer_faults(exchange, answers)


def revocation_faults(exchange: Exchange) -> Iterator[str]:
    wrong: list[str] = []
    form = _form(exchange, wrong)
    if set(form) != {"token"}:
        wrong.append(f"request holds {sorted(form)} instead of the token alone")
    yield from wrong
    yield from answer_faults(exchange, closed({}))


def answer_faults(exchange: Exchange, wanted: Schema) -> Iterator[str]:
    """A JSON answer of `wanted`, or an error of OAuth's."""
    wrong: list[str] = []
    value = parsed(exchange.answer, exchange.answer_headers.get("content-type", ""), "answer", wrong)
    yield from wrong
    if value is not None:
        yield from misfits(Draft202012Validator(wanted if exchange.status == 200 else _ERROR), value, "answer")


def _form(exchange: Exchange, wrong: list[str]) -> dict[str, str]:
    kind = exchange.headers.get("content-type", "")
    if not kind.startswith("application/x-www-form-urlencoded"):
        wrong.append(f"request is of the type {kind!r} and no form")
    fields = parse_qsl(exchange.body.decode(), keep_blank_values=True)
    if len({name for name, _ in fields}) != len(fields):
        wrong.append("request names a field twice")
    return dict(fields)


def token_answer(**more: Schema) -> dict[str, Any]:
    return closed(
        {
            "access_token": TEXT,
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "integer", "minimum": 1},
            "scope": TEXT,
            "refresh_token": TEXT,
            "id_token": TEXT,
            **more,
        },
        required=["access_token", "token_type", "expires_in", "scope"],
    )
