"""A list of staff from somebody's spreadsheet: what it says, line by line, and what is wrong with it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import now
from shared.errors import Problem
from shared.model import Connection, ConnectionStatus, Owner
from shared.staff import Entry
from shared.staff_import import Does, Read, compare, read

HEADER = "user_id,mailbox,enabled\n"
GOOD = Entry("ada", "ada@example.com", True)


def entries(text: str | bytes) -> list[Entry]:
    found = read(text if isinstance(text, bytes) else text.encode())
    assert found.errors == ()
    return [line.entry for line in found.lines]


def sentence(line: str) -> str:
    found = read((HEADER + line).encode())
    assert found.lines == ()
    ((number, told),) = [(error.number, error.sentence) for error in found.errors]
    assert number == 2
    return told


@pytest.mark.parametrize(
    "text",
    [
        "user_id,mailbox,enabled\nada,ada@example.com,true\n",
        "user_id;mailbox;enabled\r\nada;ada@example.com;TRUE\r\n",
        "user_id\tmailbox\nada\tada@example.com\n",
        "\ufeffuser_id,mailbox\nada,ada@example.com",
        "Mailbox, User_ID\n ada@example.com , ada \n",
        '"user_id","mailbox","enabled"\n"ada","ada@example.com",""\n',
        "\n\nuser_id,mailbox\n\n,\nada,ada@example.com\n\n",
    ],
)
def test_a_list_is_understood_as_spreadsheets_write_it(text):
    assert entries(text) == [GOOD]


@pytest.mark.parametrize("no", ["false", "No", "0", "FALSE"])
def test_somebody_can_be_on_the_list_without_being_enabled(no):
    assert entries(f"{HEADER}ada,ada@example.com,{no}\n") == [replace(GOOD, enabled=False)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "csv_empty"),
        (b"\n\n", "csv_empty"),
        (b"ada,ada@example.com\n", "csv_header"),
        (b"user_id,address\n", "csv_header"),
        (b"user_id,mailbox,role\n", "csv_header"),
        (b"user_id,mailbox,mailbox\n", "csv_header"),
        ("user_id,mailbox\njürgen,j@example.com\n".encode("latin-1"), "csv_encoding"),
        ("user_id,mailbox\nada,ada@example.com\n".encode("utf-16"), "csv_encoding"),
        ("user_id,mailbox\nj\ufffdrgen,j@example.com\n".encode(), "csv_encoding"),
        (b"PK\x03\x04\x00\x00", "csv_encoding"),
        (b'user_id,mailbox\n"ada,ada@example.com\n', "csv_quotes"),
        (b"user_id,mailbox\n" + b"a,a@b.example\n" * 20_001, "csv_too_long"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_as_a_whole_with_a_sentence(content, code):
    with pytest.raises(Problem) as refused:
        read(content)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert refused.value.sentence.endswith(".")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_cell_that_a_spreadsheet_would_run_is_refused(start, column):
    cells = ["ada", "ada@example.com", "true"]
    cells[column] = f'"{start}HYPERLINK(1)@example.com"'
    assert "formula" in sentence(",".join(cells))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (",ada@example.com,true", "user_id"),
        ("x" * 257 + ",ada@example.com,true", "user_id"),
        ("ada,,true", "address"),
        ("ada,ada,true", "address"),
        ("ada,ada@example,true", "address"),
        ("ada,a b@example.com,true", "address"),
        ("ada,Ada <ada@example.com>,true", "address"),
        ("ada,ada@example.com;bob@example.com,true", "address"),
        ("ada,ada@example.com,perhaps", "enabled"),
        ("ada,ada@example.com,true,more", "cells"),
    ],
)
def test_a_line_that_is_wrong_says_what_is_and_the_others_count(line, word):
    assert word in sentence(line)
    found = read(f"{HEADER}{line}\nbob,bob@example.com\n".encode())
    assert [one.entry.user_id for one in found.lines] == ["bob"]


def test_what_stands_twice_names_the_line_where_it_stood_first():
    found = read(f"{HEADER}ada,ada@example.com\nbob,ADA@example.com\nada,other@example.com\n".encode())
    assert [one.number for one in found.lines] == [2]
    assert [(one.number, "line 2" in one.sentence) for one in found.errors] == [(3, True), (4, True)]


def test_five_thousand_lines_are_read_and_counted_one_by_one():
    lines = "".join(f"user{number},person{number}@example.com\n" for number in range(5_000))
    found = read((HEADER + lines).encode())
    assert len(found.lines) == 5_000
    assert (found.lines[0].number, found.lines[-1].number) == (2, 5_001)


@given(st.binary(max_size=200), st.booleans())
def test_whatever_somebody_uploads_is_read_or_refused(content, headed):
    found = Read((), ())
    with suppress(Problem):
        found = read(HEADER.encode() + content if headed else content)
    assert all(line.entry.user_id and "@" in line.entry.mailbox for line in found.lines)


def person(user_id: str, mailbox: str, enabled: bool = True) -> Connection:
    at = now()
    status = ConnectionStatus.ACTIVE if enabled else ConnectionStatus.DISCONNECTED
    made = Connection(
        id=user_id, owner=Owner("org", user_id), provider="google", status=status, created_at=at, updated_at=at
    )
    return replace(made, member_of="org_1", mailbox=mailbox, enabled=enabled)


def test_a_list_is_compared_with_the_one_that_is_there_and_names_what_it_would_do():
    people = {
        "same": person("same", "same@example.com"),
        "moved": person("moved", "old@example.com"),
        "off": person("off", "off@example.com"),
        "unnamed": person("unnamed", "unnamed@example.com"),
    }
    text = (
        f"{HEADER}same,same@example.com,true\nmoved,new@example.com,true\noff,off@example.com,false\n"
        "new,new2@example.com,true\nthief,UNNAMED@example.com,true\nheir,old@example.com,true\n"
    )
    compared = compare(read(text.encode()), people)
    told = {line.entry.user_id: does for line, does in compared.does}
    assert told == {
        "same": Does.NOTHING,
        "moved": Does.CHANGE,
        "off": Does.CHANGE,
        "new": Does.ADD,
        "heir": Does.ADD,
    }
    assert [(error.number, "unnamed" in error.sentence) for error in compared.errors] == [(6, True)]
