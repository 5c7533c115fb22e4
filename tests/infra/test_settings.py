"""A variable that the template forgets stops a function at its first call; one that nobody reads is a lie."""

from __future__ import annotations

from dataclasses import fields

import pytest

from shared.config import (
    ApiSettings,
    DeliverWebhooksSettings,
    OauthCallbackSettings,
    RenewSubscriptionsSettings,
    Settings,
    SyncWorkerSettings,
    WebhookReceiverSettings,
)
from tests.infra.template import FUNCTIONS, function, template

SETTINGS: dict[str, type[Settings]] = {
    "api": ApiSettings,
    "deliver_webhooks": DeliverWebhooksSettings,
    "oauth_callback": OauthCallbackSettings,
    "renew_subscriptions": RenewSubscriptionsSettings,
    "sync_worker": SyncWorkerSettings,
    "webhook_receiver": WebhookReceiverSettings,
}
OBSERVABILITY = {"STAGE", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}


def _environment(folder: str) -> dict[str, object]:
    common = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {**common, **function(folder)["Environment"]["Variables"]}


def test_every_function_has_settings_and_a_place_in_the_template():
    assert set(SETTINGS) == set(FUNCTIONS)


@pytest.mark.parametrize("folder", SETTINGS)
def test_a_function_is_given_exactly_the_variables_that_its_settings_read(folder):
    assert set(_environment(folder)) - OBSERVABILITY == {field.name.upper() for field in fields(SETTINGS[folder])}


@pytest.mark.parametrize("folder", SETTINGS)
def test_logs_and_metrics_carry_the_functions_own_name_and_stage(folder):
    variables = _environment(folder)
    assert variables.keys() >= OBSERVABILITY
    assert variables["POWERTOOLS_SERVICE_NAME"] == folder


@pytest.mark.parametrize("folder", SETTINGS)
def test_the_handler_is_the_one_in_the_functions_own_folder(folder):
    assert function(folder)["Handler"] == f"functions.{folder}.handler.lambda_handler"
