"""`Witness`: stands between an adapter and a simulator, keeps every exchange, and says afterwards what did not fit.

Nothing is judged while a call runs, so that a test fails with all that was wrong and no call becomes slower.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]
_CUT = "x-simulator-fault"


@dataclass(frozen=True)
class Exchange:
    """A request and its answer, header names in lower case. `spoilt`: the simulator was told to answer rubbish."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes
    spoilt: bool = False


Judge = Callable[[Exchange], Iterable[str]]
"""What is wrong with an exchange, in words; each begins with "request" or "answer"."""


class Witness:
    """A WSGI application around a simulator's. `struck` counts the faults that have spoilt an answer so far."""

    def __init__(self, app: Any, judge: Judge, struck: Callable[[], int]) -> None:
        self.judge = judge
        self.kept: list[Exchange] = []
        self._app, self._struck = app, struck

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            told.append((status, headers))
            return start_response(status, headers, *more)

        before = self._struck()
        answer = list(self._app(environ, start))
        status, headers = told[-1]
        answer_headers = {name.lower(): value for name, value in headers}
        self.kept.append(
            Exchange(
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
                query=tuple(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
                headers=_headers(environ),
                body=body,
                status=int(status.split()[0]),
                answer_headers=answer_headers,
                answer=b"".join(answer),
                spoilt=_CUT in answer_headers or self._struck() > before,
            )
        )
        return answer

    def forget(self) -> None:
        self.kept.clear()

    def faults(self) -> list[str]:
        """What did not fit since the last time, with method and path before it."""
        kept, self.kept = self.kept, []
        return [
            f"{each.method} {each.path} → {each.status}: {fault}"
            for each in kept
            for fault in self.judge(each)
            if not (each.spoilt and fault.startswith("answer"))
        ]


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        found["content-type"] = environ["CONTENT_TYPE"]
    return found


# --- shapes ----------------------------------------------------------------------------------------------------------


def misfits(validator: Draft202012Validator, value: object, where: str) -> Iterator[str]:
    """What a schema has against a value, by the place where it stands."""
    for error in validator.iter_errors(value):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
        yield f"{where} {deepest.json_path}: {deepest.message[:300]}"


def parsed(body: bytes, content_type: str, where: str, wrong: list[str]) -> Any:
    """A JSON body; what keeps it from being one is added to `wrong`."""
    if not content_type.lower().startswith("application/json"):
        wrong.append(f"{where} is of the type {content_type!r} and no JSON")
    try:
        return json.loads(body)
    except ValueError:
        wrong.append(f"{where} cannot be read: {body[:80]!r}")
        return None


def closed(properties: Mapping[str, Schema], *, required: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """An object that holds these members and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def misnamed(query: Iterable[tuple[str, str]], known: Iterable[str], required: Iterable[str] = ()) -> Iterator[str]:
    """Parameters that no document names, that stand twice, or that are missing."""
    names = [name for name, _ in query]
    for name in sorted({name for name in names if name not in set(known)}):
        yield f"request has the parameter {name!r}, which no document names"
    for name in required:
        if name not in names:
            yield f"request lacks the parameter {name!r}"
