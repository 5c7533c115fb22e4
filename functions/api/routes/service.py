"""GET /health, GET /v1/openapi.json: for anybody."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()


@router.get("/health")
def health() -> dict[str, object]:
    return {"status": "ok"}


@router.get("/v1/openapi.json")
def openapi() -> dict[str, object]:
    return _document()


@cache
def _document() -> dict[str, object]:
    document: dict[str, object] = json.loads(resources.files("functions.api").joinpath("openapi.json").read_text())
    return document
