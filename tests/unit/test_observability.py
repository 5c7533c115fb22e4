from __future__ import annotations

import io
import json
import logging

import pytest

from shared.observability import STRUCK_OUT, RedactingFormatter, logger, redact


def written(message: str, **extra: object) -> dict[str, object]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter())
    other = logging.Logger("test")
    other.addHandler(handler)
    other.error(message, extra=extra)
    return dict(json.loads(stream.getvalue()))


@pytest.mark.parametrize("name", sorted(STRUCK_OUT))
def test_a_member_that_could_hold_somebodys_text_is_struck_out_at_any_depth(name):
    value = {name: "Surgery", "ids": [{"deep": ({name: {"deeper": "Surgery"}},)}]}
    assert "Surgery" not in json.dumps(redact(value))
    assert "Surgery" not in json.dumps(written("something", **{name: "Surgery", "extra": value}))


def test_what_a_log_is_for_stays_readable():
    line = written("job", calendar_id="con_a.b", counts={"polled": 3})
    assert (line["message"], line["calendar_id"], line["counts"]) == ("job", "con_a.b", {"polled": 3})


def test_a_line_says_which_place_in_the_code_wrote_it():
    assert str(written("job", location="Room 3")["source"]).startswith("test_observability:")


def test_redacting_changes_nothing_in_place():
    value = {"token": "t", "list": [1]}
    redact(value)
    assert value == {"token": "t", "list": [1]}


def test_the_functions_log_through_the_redacting_formatter():
    assert isinstance(logger.registered_formatter, RedactingFormatter)
