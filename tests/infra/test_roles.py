"""What a function may do, beyond what it must, is what somebody who takes it over may do."""

from __future__ import annotations

import re

import pytest

from tests.infra.template import FUNCTIONS, function, listed, resources, statements, text

UNSCOPED = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
"""Actions for which AWS knows no resource."""

ORGANIZATIONS = (
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:lockstep-${Stage}/organizations/*"
)
"""An entry for each organisation that authorised by a key: the only secrets that are made while the product runs."""


def allowed(folder: str) -> set[tuple[str, str]]:
    """(action, resource) pairs of a role."""
    return {
        (action, text(resource))
        for statement in statements(folder)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


def actions_on(folder: str, resource: str) -> set[str]:
    return {action.split(":")[1] for action, on in allowed(folder) if on == resource}


def test_no_two_functions_share_a_role():
    roles = [function(folder)["Role"]["Fn::GetAtt"][0] for folder in FUNCTIONS]
    assert sorted(roles) == sorted(resources("AWS::IAM::Role"))


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_no_role_holds_a_wildcard_action_or_leans_on_a_managed_policy(folder):
    assert not [action for action, _ in allowed(folder) if "*" in action]
    assert "ManagedPolicyArns" not in resources("AWS::IAM::Role")[function(folder)["Role"]["Fn::GetAtt"][0]]
    assert "Policies" not in function(folder)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_every_action_is_tied_to_one_resource_of_this_stage(folder):
    for action, resource in allowed(folder):
        if resource == "*":
            assert action in UNSCOPED
            continue
        own_logs = rf"arn:.*:log-group:/aws/lambda/lockstep-\${{Stage}}-{folder.replace('_', '-')}:\*"
        one_secret = r"arn:.*:secret:lockstep-\${Stage}/[a-z-]+-\?{6}"  # six characters that Secrets Manager adds
        assert "*" not in resource or re.fullmatch(own_logs, resource) or resource == ORGANIZATIONS
        assert "?" not in resource or re.fullmatch(one_secret, resource)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_no_function_may_scan_a_table_or_change_one(folder):
    tables = {action for action, _ in allowed(folder) if action.startswith("dynamodb:")}
    assert not {action for action in tables if re.search(r"Scan|Table|PartiQL|Export|Stream", action)}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_may_read_exactly_the_secrets_that_its_variables_name(folder):
    named = {
        re.sub(r".*/", "", text(value))
        for name, value in function(folder)["Environment"]["Variables"].items()
        if name.endswith("_SECRET")
    }
    readable = {
        re.sub(r".*/(.*)-\?{6}", r"\1", resource)
        for action, resource in allowed(folder)
        if action == "secretsmanager:GetSecretValue" and resource != ORGANIZATIONS
    }
    assert readable == named


def test_keys_of_organisations_are_made_by_the_api_used_by_the_worker_and_seen_by_nobody_else():
    may = {folder: actions_on(folder, ORGANIZATIONS) for folder in FUNCTIONS if actions_on(folder, ORGANIZATIONS)}
    assert may == {
        "api": {"GetSecretValue", "CreateSecret", "PutSecretValue", "DeleteSecret"},
        "sync_worker": {"GetSecretValue", "DeleteSecret"},
    }
    prefixes = {
        folder: function(folder)["Environment"]["Variables"].get("ORGANIZATION_SECRETS_PREFIX") for folder in FUNCTIONS
    }
    assert {folder for folder, prefix in prefixes.items() if prefix} == set(may)
    assert all(f":secret:{text(prefix)}*" in ORGANIZATIONS for prefix in prefixes.values() if prefix)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_grants_can_be_opened_only_where_a_provider_is_called(folder):
    provider_called = "GRANT_KEY_ARN" in function(folder)["Environment"]["Variables"]
    keys = {(action, resource) for action, resource in allowed(folder) if action.startswith("kms:")}
    usable = {("kms:GenerateDataKey", "GrantKey.Arn"), ("kms:Decrypt", "GrantKey.Arn")}
    assert keys == (usable if provider_called else set())


def test_what_the_internet_can_call_without_a_token_reads_no_table_and_opens_no_grant():
    services = {action.split(":")[0] for action, _ in allowed("webhook_receiver")}
    assert services == {"secretsmanager", "sqs", "logs", "xray"}
    assert actions_on("webhook_receiver", "Jobs.Arn") == {"SendMessage"}


def test_history_is_taken_away_only_by_those_who_may_finish_a_disconnect():
    deleting = {"DeleteItem", "BatchWriteItem"}
    may = [folder for folder in FUNCTIONS if actions_on(folder, "HistoryTable.Arn") & deleting]
    assert sorted(may) == ["api", "sync_worker"]


@pytest.mark.parametrize(("folder", "queue"), [("sync_worker", "Jobs"), ("deliver_webhooks", "Notices")])
def test_a_queues_reader_may_put_a_message_off_but_nobody_else_may_take_one(folder, queue):
    reading = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility"}
    assert actions_on(folder, f"{queue}.Arn") >= reading
    for other in FUNCTIONS.keys() - {folder}:
        assert not actions_on(other, f"{queue}.Arn") & reading


def test_dead_messages_can_be_replayed_by_the_api_alone():
    for queue in ("JobsDlq", "NoticesDlq"):
        assert actions_on("api", f"{queue}.Arn") == {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
        assert not [folder for folder in FUNCTIONS.keys() - {"api"} if actions_on(folder, f"{queue}.Arn")]


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_queue_that_a_function_sends_to_or_reads_is_one_that_it_knows(folder):
    known = {
        text(value["Ref"])
        for name, value in function(folder)["Environment"]["Variables"].items()
        if name.endswith("_URL") and "Ref" in value and value["Ref"] in resources("AWS::SQS::Queue")
    }
    used = {resource.removesuffix(".Arn") for action, resource in allowed(folder) if action.startswith("sqs:")}
    assert used == known
