"""A list of staff as a CSV file: read line by line, compared with the list as it is, taken over bounded by time.

`read` is pure and tells for each line what is wrong with it; `compare` says what each of the others would do. `apply`
does it, and names the line to go on at if time runs out. Nobody who is not named is removed. Cells that a spreadsheet
would take for a formula are refused: the list is shown in spreadsheets again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.disconnect import Choice, Fate
from shared.errors import Problem
from shared.house import House
from shared.model import Connection
from shared.staff import Entry, is_as, put
from shared.verification import members

MOST_LINES = 20_000
LONGEST_USER_ID = 256
LONGEST_MAILBOX = 254
"""Characters of an address (RFC 3696, errata 1690)."""

COLUMNS = ("user_id", "mailbox", "enabled")
SEPARATORS = (",", ";", "\t")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ADDRESS = re.compile(r"[^@\s,;<>\"'()\[\]\\]+@[^@\s,;<>\"'()\[\]\\]+\.[^@\s,;<>\"'()\[\]\\.]+")
YES, NO = ("", "true", "yes", "1"), ("false", "no", "0")


class Does(StrEnum):
    """What a line does to the list."""

    ADD = "add"
    CHANGE = "change"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class LineError:
    number: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was understood; `number`s count the lines of the file from 1, the header being the first."""

    lines: tuple[Line, ...]
    errors: tuple[LineError, ...]


def read(content: bytes) -> Read:
    """Raises `Problem` (422) for a file that is not UTF-8, has no such header, or is too long."""
    rows = list(_rows(_text(content)))
    if not rows:
        raise _unreadable("csv_empty", "The file is empty. Its first line names the columns: user_id,mailbox,enabled.")
    header = tuple(cell.strip().casefold() for cell in rows[0][1])
    if not {"user_id", "mailbox"} <= set(header) or set(header) - set(COLUMNS) or len(set(header)) != len(header):
        sentence = "The first line has to name the columns: user_id and mailbox, and enabled if you like."
        raise _unreadable("csv_header", sentence)
    if len(rows) - 1 > MOST_LINES:
        raise _unreadable("csv_too_long", f"The file has more than {MOST_LINES} lines. Import it in parts.")
    lines: list[Line] = []
    errors: list[LineError] = []
    users: dict[str, int] = {}
    mailboxes: dict[str, int] = {}
    for number, cells in rows[1:]:
        found = _entry(header, cells)
        if isinstance(found, Entry):
            found = _unless_twice(found, number, users, mailboxes)
        if isinstance(found, Entry):
            lines.append(Line(number, found))
        else:
            errors.append(LineError(number, found))
    return Read(tuple(lines), tuple(errors))


def _unreadable(code: str, sentence: str) -> Problem:
    return Problem(422, code, sentence)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\ufffd"
    if "\ufffd" in text or "\0" in text:
        sentence = "The file is not UTF-8. Save it as “CSV UTF-8” and choose it again."
        raise _unreadable("csv_encoding", sentence)
    return text


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of every line that is not empty. The separator is the one that the header has most of."""
    header = text.lstrip("\r\n").partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error:
        sentence = f"Line {reader.line_num} cannot be read: a quotation mark is missing, or there is one too many."
        raise _unreadable("csv_quotes", sentence) from None


def _entry(header: tuple[str, ...], cells: list[str]) -> Entry | str:
    """The entry of a line, or a sentence that says what is wrong with it."""
    if len(cells) > len(header):
        return "This line has more cells than the first one names columns."
    given = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True))
    for name, cell in given.items():
        if cell.startswith(FORMULA):
            return f"{name} begins with a character that makes a spreadsheet take it for a formula."
    user_id, mailbox, enabled = (given.get(name, "").strip() for name in COLUMNS)
    if enabled.casefold() not in YES + NO:
        return "enabled has to be true or false."
    return wrong_with(user_id, mailbox) or Entry(user_id, mailbox, enabled.casefold() in YES)


def wrong_with(user_id: str, mailbox: str) -> str:
    """What is wrong with a person's entry, as a sentence, or ""."""
    if not user_id or len(user_id) > LONGEST_USER_ID or not user_id.isprintable():
        return f"user_id is missing, or has more than {LONGEST_USER_ID} printable characters."
    return wrong_with_mailbox(mailbox)


def wrong_with_mailbox(mailbox: str) -> str:
    if len(mailbox) > LONGEST_MAILBOX or not mailbox.isprintable() or not ADDRESS.fullmatch(mailbox):
        return "mailbox is not an address, such as ada@example.com."
    return ""


def _unless_twice(entry: Entry, number: int, users: dict[str, int], mailboxes: dict[str, int]) -> Entry | str:
    user, mailbox = users.setdefault(entry.user_id, number), mailboxes.setdefault(entry.mailbox.casefold(), number)
    if user != number:
        return f"The user is in line {user} already."
    return entry if mailbox == number else f"The mailbox is in line {mailbox} already."


# --- against the list as it is -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Compared:
    """What each good line does, and every line that is not good, in their order."""

    does: tuple[tuple[Line, Does], ...]
    errors: tuple[LineError, ...]

    def count(self, what: Does) -> int:
        return sum(does is what for _, does in self.does)


def compare(found: Read, people: Mapping[str, Connection]) -> Compared:
    """`people`: who is on the list, by user id."""
    named = {line.entry.user_id for line in found.lines}
    holders = {one.mailbox.casefold(): user_id for user_id, one in people.items() if user_id not in named}
    does: list[tuple[Line, Does]] = []
    errors = list(found.errors)
    for line in found.lines:
        holder = holders.get(line.entry.mailbox.casefold())
        person = people.get(line.entry.user_id)
        if holder is not None:
            errors.append(LineError(line.number, f"The mailbox belongs to the user {holder} already."))
        elif person is None:
            does.append((line, Does.ADD))
        else:
            does.append((line, Does.NOTHING if is_as(person, line.entry) else Does.CHANGE))
    return Compared(tuple(does), tuple(sorted(errors, key=lambda error: error.number)))


def listed(house: House, organization: Connection) -> dict[str, Connection]:
    return {one.owner.user_id: one for one in members(house, organization)}


@dataclass(frozen=True, slots=True)
class Applied:
    """How many lines were taken over; `next_line`: where to go on, None when all were. `errors`: lines that came to
    nothing on the way."""

    done: int
    next_line: int | None
    errors: tuple[LineError, ...]


def apply(
    house: House, organization: Connection, compared: Compared, from_line: int, out_of_time: Callable[[], bool]
) -> Applied:
    """Add and change, line by line from `from_line` on."""
    done, following, errors = 0, None, list[LineError]()
    for line, does in compared.does:
        if line.number < from_line or does is Does.NOTHING:
            continue
        if out_of_time():
            following = line.number
            break
        try:
            put(house, organization, line.entry, Choice(Fate.KEEP, Fate.KEEP), out_of_time)
        except Problem as problem:
            errors.append(LineError(line.number, problem.sentence))
            continue
        done += 1
    return Applied(done, following, tuple(errors))
