"""What did not work out: it harms nobody else, it can be seen, and it comes back when somebody says so."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from scripts import replay as script
from shared.dead_letters import DeadLetters
from tests.handlers.people import Person, captured_log, lines, person, rows_that_name, shared_world
from tests.world import World

ADMIN = {"sub": "boss", "org": "demo", "roles": "[admin staff]"}
HOST = {"sub": "backend", "org": "demo", "scope": "lockstep.host"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with shared_world() as shared:
        yield shared


@pytest.fixture
def anna(world: World) -> Iterator[Person]:
    with person(world) as one:
        yield one


@pytest.fixture(autouse=True)
def no_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for letters is for real queues, and for the tests about it."""
    monkeypatch.setattr("shared.dead_letters.ALL_SERVERS", 0)
    if "look" not in request.node.name and "command" not in request.node.name:
        monkeypatch.setattr("shared.dead_letters.AFTER_A_LOOK", 0)


def send(world: World, body: str, group: str) -> None:
    world.sqs.send_message(
        QueueUrl=world.jobs_url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body + group
    )


def bury(world: World, body: str, group: str = "con_a", count: int = 1) -> None:
    for number in range(count):
        world.sqs.send_message(
            QueueUrl=world.jobs_dead_url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}{body}{number}",
        )


def waiting(world: World, url: str) -> list[str]:
    answer = world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", [])]


def dead_letters(world: World) -> DeadLetters:
    return DeadLetters(world.jobs_dead_url, world.jobs_url)


# --- a job that cannot be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '{"calendar_id": 5}', '{"calendar_id": "nodots"}', '{"connection_id": ""}']
)
def test_a_job_that_cannot_be_read_goes_to_the_dead_letters_and_harms_no_other_mailbox(anna, body):
    connection_id = anna.connect()
    anna.world.control("POST", "push", {"mode": "drop"})
    anna.add_there("Dentist")
    with captured_log() as log:
        send(anna.world, body, "con_broken")
        anna.ask("POST", f"/v1/connections/{connection_id}/sync")
        anna.world.work()
        assert anna.world.waiting_jobs() > 0
        for _ in range(14):
            anna.world.work()
    assert anna.here() == ["Dentist"]
    assert len(lines(log, "job failed")) == 10
    (letter,) = anna.ask("GET", "/v1/jobs/dead", claims=HOST)["items"]
    assert (letter["body"], letter["mailbox"]) == (body, "con_broken")
    assert waiting(anna.world, anna.world.jobs_url) == []


@pytest.mark.parametrize(("org", "seen"), [("demo", 1), ("another", 0)])
def test_an_admin_sees_the_dead_jobs_of_the_own_organisation_only(anna, org, seen):
    bury(anna.world, "{}", anna.connect(), 1)
    claims = {**ADMIN, "org": org}
    assert len(anna.ask("GET", "/v1/jobs/dead", claims=claims)["items"]) == seen


def test_a_job_that_failed_for_a_while_works_after_it_was_replayed(anna, monkeypatch):
    from shared.sync.engine import CalendarSync

    anna.connect()
    with monkeypatch.context() as broken:
        broken.setattr(CalendarSync, "run", lambda *_: 1 / 0)
        broken.setattr("functions.sync_worker.batch._delay", lambda *_: 0)
        anna.add_there("Dentist")
        anna.world.deliver_pushes()
        for _ in range(14):
            anna.world.work()
    assert anna.here() == []
    assert anna.ask("POST", "/v1/jobs/dead/replay", {}, claims=HOST) == {"replayed": 1}
    anna.world.drain()
    assert anna.here() == ["Dentist"]


def test_a_mailbox_whose_job_failed_is_seen_again_soon_and_ever_later(anna, monkeypatch):
    from functions.sync_worker.batch import _sqs
    from shared.sync.engine import CalendarSync

    anna.connect()
    monkeypatch.setattr(CalendarSync, "run", lambda *_: 1 / 0)
    hidden: list[int] = []
    monkeypatch.setattr(_sqs(), "change_message_visibility", lambda **given: hidden.append(given["VisibilityTimeout"]))
    anna.add_there("Dentist")
    anna.world.deliver_pushes()
    for _ in range(9):
        anna.world.work()
    assert hidden == [5, 10, 20, 40, 80, 160, 320, 600, 600]


def test_what_is_dead_stays_dead_after_somebody_looked_at_it(world):
    bury(world, "{}", "con_a", 3)
    assert len(dead_letters(world).peek(100)) == 3
    assert dead_letters(world).replay(100) == 3, "a look must not hide the letters from the replay behind it"
    assert waiting(world, world.jobs_dead_url) == []


def test_more_letters_of_one_mailbox_than_sqs_hands_out_at_once_are_all_replayed(anna):
    bury(anna.world, "{}", "con_many", 23)
    bury(anna.world, "[]", "con_other", 2)
    assert anna.ask("POST", "/v1/jobs/dead/replay", claims=HOST) == {"replayed": 25}
    assert waiting(anna.world, anna.world.jobs_dead_url) == []


def test_a_replay_that_breaks_off_loses_no_letter(world, monkeypatch):
    with person(world):
        bury(world, "{}")
        letters = dead_letters(world)
        monkeypatch.setattr(letters._sqs, "send_message", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            letters.replay(10)
        attributes = world.sqs.get_queue_attributes(
            QueueUrl=world.jobs_dead_url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
        )["Attributes"]
        assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"


# --- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/dead"),
        ("POST", "/v1/jobs/dead/replay"),
        ("GET", "/v1/deliveries"),
        ("POST", "/v1/deliveries/replay"),
    ],
)
@pytest.mark.parametrize("claims", [{}, {"roles": "[administrator]"}, {"scope": "lockstep.hosts"}])
def test_operations_are_for_the_backend_and_for_admins(anna, method, path, claims):
    anna.refused(404, "not_found", method, path, claims={"sub": anna.user, "org": "demo", **claims})
    assert anna.api(method, path, claims=ADMIN)[0] == 200
    assert anna.api(method, path, claims=HOST)[0] == 200


def test_an_admin_sees_the_notices_of_the_own_organisation_only(anna):
    anna.book("b1")
    ours = anna.ask("GET", "/v1/deliveries", claims=ADMIN)["items"]
    assert anna.user in {item["data"].get("user_id") for item in ours}
    assert anna.ask("GET", "/v1/deliveries", claims={**ADMIN, "org": "another"})["items"] == []
    ids = {"ids": [item["id"] for item in ours]}
    assert anna.ask("POST", "/v1/deliveries/replay", ids, claims={**ADMIN, "org": "another"}) == {"replayed": 0}


# --- notices -------------------------------------------------------------------------------------------------------


def test_a_listing_of_notices_goes_on_where_it_left_off(anna, monkeypatch):
    monkeypatch.setattr("functions.api.routes.operations.PAGE", 2)
    for day in range(1, 6):
        anna.book(f"b{day}", day=day)
    claims, found, path = {**HOST, "org": "demo"}, [], "/v1/deliveries"
    while path:
        page = anna.ask("GET", path, claims=claims)
        assert len(page["items"]) <= 2
        found += [item["id"] for item in page["items"]]
        path = page["next"]
    assert len(found) == len(set(found)) >= 5
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"ids": "all"}, "ids"), ({"ids": [5]}, "ids"), ({"ids": None}, "ids"), ({"status": "delivered"}, "status"),
     ({"status": None}, "status"), ({"all": True}, "all")],
)  # fmt: skip
def test_a_replay_of_what_is_not_named_clearly_is_refused(anna, body, field):
    assert anna.refused(422, "invalid_request", "POST", "/v1/deliveries/replay", body, claims=HOST) == [field]


def test_a_position_that_makes_no_sense_is_refused_by_name(anna):
    assert anna.refused(422, "invalid_request", "GET", "/v1/deliveries?after=x", claims=HOST) == ["after"]


def test_a_notice_that_is_unknown_is_not_replayed_and_does_not_stop_its_neighbours(anna):
    anna.book("b1")
    (notice,) = [row["id"] for row in rows_that_name(anna.user)["deliveries_table"]]
    ids = ["", "unknown", "msg_unknown", "half \ud800", "x" * 3000, notice, notice]
    assert anna.ask("POST", "/v1/deliveries/replay", {"ids": ids}, claims=HOST) == {"replayed": 1}


# --- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def stack(world: World, monkeypatch: pytest.MonkeyPatch) -> str:
    outputs = {
        "JobsUrl": world.jobs_url,
        "JobsDlqUrl": world.jobs_dead_url,
        "NoticesUrl": world.notices_url,
        "NoticesDlqUrl": world.notices_dead_url,
    }
    shown = {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}

    class CloudFormation:
        def describe_stacks(self, StackName: str) -> dict[str, object]:  # noqa: N803
            if StackName != "lockstep-test":
                from botocore.exceptions import ClientError

                raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
            return shown

    client = boto3.client
    monkeypatch.setattr(
        boto3, "client", lambda name, **k: CloudFormation() if name == "cloudformation" else client(name, **k)
    )
    return "lockstep-test"


def test_the_command_shows_the_letters_and_sends_nothing_unless_somebody_says_yes(anna, stack, monkeypatch, capsys):
    bury(anna.world, '{"calendar_id": "con_a.b"}')
    monkeypatch.setattr("shared.dead_letters.LOOK_SECONDS", 0)
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert script.main(["--stack", stack, "--queue", "jobs"]) == 1
    assert '{"calendar_id": "con_a.b"}' in capsys.readouterr().out
    assert waiting(anna.world, anna.world.jobs_url) == []
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert script.main(["--stack", stack, "--queue", "jobs"]) == 0
    assert waiting(anna.world, anna.world.jobs_url) == ['{"calendar_id": "con_a.b"}']


def test_the_command_asks_nothing_of_a_script(anna, stack, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("it asked"))
    anna.world.sqs.send_message(QueueUrl=anna.world.notices_dead_url, MessageBody='{"org": "demo", "id": "msg_1"}')
    assert script.main(["--stack", stack, "--queue", "notices", "--yes"]) == 0
    assert waiting(anna.world, anna.world.notices_url) == ['{"org": "demo", "id": "msg_1"}']
    assert script.main(["--stack", stack, "--queue", "notices", "--yes"]) == 0
    assert "no dead notices" in capsys.readouterr().out


def test_the_command_says_which_stack_it_did_not_find(anna, stack, capsys):
    assert script.main(["--stack", "lockstep-typo", "--queue", "jobs", "--yes"]) == 2
    assert "lockstep-typo" in capsys.readouterr().err
