"""The template as the tests read it: plain dicts, with `!Ref` and friends in their long form."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).resolve().parent.parent.parent

FUNCTIONS = {
    "api": "ApiFunction",
    "deliver_webhooks": "DeliverWebhooksFunction",
    "oauth_callback": "OauthCallbackFunction",
    "renew_subscriptions": "RenewSubscriptionsFunction",
    "sync_worker": "SyncWorkerFunction",
    "webhook_receiver": "WebhookReceiverFunction",
}
"""Folder under `functions/` → logical id."""


@cache
def template() -> dict[str, Any]:
    found: dict[str, Any] = cfn_yaml.load(str(ROOT / "infra" / "template.yaml"))
    return found


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Logical id → properties, of every resource of a type."""
    return {name: each["Properties"] for name, each in template()["Resources"].items() if each["Type"] == kind}


def function(folder: str) -> dict[str, Any]:
    return resources("AWS::Serverless::Function")[FUNCTIONS[folder]]


def statements(folder: str) -> list[dict[str, Any]]:
    """What a function's role allows."""
    (policy,) = resources("AWS::IAM::Role")[function(folder)["Role"]["Fn::GetAtt"][0]]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(resource: Any) -> str:
    """An ARN or a name as one string, whichever intrinsic function it uses."""
    match resource:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": pattern}:
            return str(pattern)
        case _:
            return str(resource)
