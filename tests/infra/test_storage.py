"""Tables and queues as the code expects them, and as an operator needs them on a bad day."""

from __future__ import annotations

import pytest
from pynamodb.indexes import GlobalSecondaryIndex

from shared.store.tables import TABLES
from tests.infra.template import function, resources, template, text

SCHEMAS = resources("AWS::DynamoDB::Table")
MODELS = {setting.removesuffix("_table").capitalize() + "Table": model for setting, model in TABLES.items()}
QUEUES = resources("AWS::SQS::Queue")
DEAD = {"JobsDlq", "NoticesDlq"}


def _key(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def _index_keys(table: str, kind: str) -> dict[str, tuple[str, ...]]:
    return {index["IndexName"]: _key(index["KeySchema"]) for index in SCHEMAS[table].get(kind, [])}


def _model_key(attributes) -> tuple[str, ...]:
    keys = [each for each in attributes if each.is_hash_key or each.is_range_key]
    return tuple(each.attr_name for each in sorted(keys, key=lambda each: each.is_range_key))


def test_every_table_has_a_model():
    assert set(SCHEMAS) == set(MODELS)


@pytest.mark.parametrize("table", MODELS)
def test_a_table_has_the_keys_of_its_model(table):
    assert _key(SCHEMAS[table]["KeySchema"]) == _model_key(MODELS[table].get_attributes().values())


@pytest.mark.parametrize("table", MODELS)
def test_a_table_has_the_indexes_of_its_model(table):
    wanted: dict[str, dict[str, tuple[str, ...]]] = {"GlobalSecondaryIndexes": {}, "LocalSecondaryIndexes": {}}
    for name, index in MODELS[table]._indexes.items():
        kind = "GlobalSecondaryIndexes" if isinstance(index, GlobalSecondaryIndex) else "LocalSecondaryIndexes"
        wanted[kind][name] = _model_key(type(index).Meta.attributes.values())
    assert {kind: _index_keys(table, kind) for kind in wanted} == wanted


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_can_be_brought_back_and_not_be_dropped_by_mistake(table):
    schema = SCHEMAS[table]
    assert schema["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert schema["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert template()["Parameters"]["DeletionProtection"]["Default"] == "true"
    resource = template()["Resources"][table]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_table_is_encrypted_with_our_key_forgets_what_expired_and_is_paid_by_use(table):
    schema = SCHEMAS[table]
    encryption = schema["SSESpecification"]
    assert (encryption["SSEEnabled"], encryption["SSEType"]) == (True, "KMS")
    assert text(encryption["KMSMasterKeyId"]) == "TablesKey.Arn"
    assert schema["TimeToLiveSpecification"] == {"AttributeName": "expires_at_s", "Enabled": True}
    assert schema["BillingMode"] == "PAY_PER_REQUEST"


def test_keys_turn_over_and_outlive_the_stack_as_the_tables_do():
    for name, key in resources("AWS::KMS::Key").items():
        assert key["EnableKeyRotation"] is True
        assert template()["Resources"][name]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize(("folder", "queue"), [("sync_worker", "Jobs"), ("deliver_webhooks", "Notices")])
def test_a_message_is_not_given_out_twice_while_its_function_may_still_run(folder, queue):
    assert QUEUES[queue]["VisibilityTimeout"] >= 6 * function(folder)["Timeout"]


@pytest.mark.parametrize(("folder", "queue"), [("sync_worker", "Jobs"), ("deliver_webhooks", "Notices")])
def test_one_bad_message_does_not_bring_its_neighbours_back(folder, queue):
    (source,) = function(folder)["Events"].values()
    assert text(source["Properties"]["Queue"]) == f"{queue}.Arn"
    assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("queue", sorted(QUEUES.keys() - DEAD))
def test_what_fails_again_and_again_is_put_aside_in_a_queue_of_the_same_kind(queue):
    dead = QUEUES[queue]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert dead in DEAD
    assert QUEUES[dead].get("FifoQueue") == QUEUES[queue].get("FifoQueue")


@pytest.mark.parametrize("queue", sorted(DEAD))
def test_what_was_put_aside_waits_for_a_person_for_fourteen_days(queue):
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_the_last_notification_of_a_burst_is_never_taken_for_a_copy():
    assert QUEUES["Jobs"]["ContentBasedDeduplication"] is False
    assert QUEUES["Jobs"]["FifoThroughputLimit"] == "perMessageGroupId"


@pytest.mark.parametrize("queue", QUEUES)
def test_no_queue_stores_in_clear(queue):
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True
