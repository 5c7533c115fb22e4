from __future__ import annotations

from dataclasses import dataclass

import pytest

from shared.config import DeliverWebhooksSettings, MissingSetting, Settings, SyncWorkerSettings


@dataclass(frozen=True, kw_only=True)
class Example(Settings):
    queue_url: str
    table: str
    minutes: float = 15.0
    url: str = ""


def test_every_setting_that_is_missing_is_named_at_once():
    with pytest.raises(MissingSetting, match="QUEUE_URL, TABLE"):
        Example.read({"URL": "x"})


@pytest.mark.parametrize("environment", [{"QUEUE_URL": ""}, {}])
def test_an_empty_variable_counts_as_none_so_that_a_template_may_pass_it_on(environment):
    with pytest.raises(MissingSetting, match="QUEUE_URL"):
        Example.read({**environment, "TABLE": "t"})
    assert Example.read({"QUEUE_URL": "q", "TABLE": "t", "MINUTES": "", "URL": ""}).minutes == 15.0


def test_a_number_that_is_none_is_an_error_not_a_default():
    assert Example.read({"QUEUE_URL": "q", "TABLE": "t", "MINUTES": "0.05"}).minutes == 0.05
    with pytest.raises(ValueError, match="fifteen"):
        Example.read({"QUEUE_URL": "q", "TABLE": "t", "MINUTES": "fifteen"})


def test_an_environment_that_is_changed_later_does_not_change_settings_that_were_read():
    environment = {"QUEUE_URL": "q", "TABLE": "t"}
    settings = Example.read(environment)
    environment["QUEUE_URL"] = "other"
    assert settings.queue_url == "q"


@pytest.mark.parametrize("settings", [SyncWorkerSettings, DeliverWebhooksSettings])
def test_no_setting_has_a_default_that_looks_like_a_secret(settings):
    defaults = [field.default for field in settings.__dataclass_fields__.values() if isinstance(field.default, str)]
    assert all(value in ("", "common") or value.startswith("https://") for value in defaults)
