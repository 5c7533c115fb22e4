"""Event ids in their two forms, and back.

The usual form changes when an event moves to another calendar; the immutable one (`Prefer: IdType="ImmutableId"`) does
not. An occurrence's id holds its original day and its series. Every second event differs from the one before only by
the case of a letter, as ids are bytes and Graph makes use of it.
"""

import base64
import hashlib
import re

_USUAL = re.compile(r"^AAMkAD([A-Za-z0-9_-]{12})B(?:GAAAAAA|FRAAgI([A-Za-z0-9_-]{12}))([A-Za-z0-9_-]{24})AAA=$")
_IMMUTABLE = re.compile(r"^AAkALg([A-Za-z0-9_-]{12})(?:EAAAAAA|OCC([A-Za-z0-9_-]{12}))([A-Za-z0-9_-]{24})EQAA$")


def mailbox_part(owner: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(owner.encode()).digest()[:9]).decode()


def write(owner: str, token: str, day: str, *, immutable: bool) -> str:
    """The id of an event, or of the occurrence of `day`; `token` is the one of the wanted form."""
    mailbox = mailbox_part(owner)
    coded = base64.urlsafe_b64encode(day.replace("-", "").encode() + b"\x00").decode() if day else ""
    if immutable:
        return f"AAkALg{mailbox}{'OCC' + coded if day else 'EAAAAAA'}{token}EQAA"
    return f"AAMkAD{mailbox}B{'FRAAgI' + coded if day else 'GAAAAAA'}{token}AAA="


def read(text: str) -> tuple[bool, str, str, str] | None:
    """(immutable, mailbox part, token, original day or empty), or None when it is no event's id."""
    for immutable, form in ((False, _USUAL), (True, _IMMUTABLE)):
        found = form.match(text)
        if found:
            mailbox, coded, token = found.groups()
            return immutable, mailbox, token, _day(coded) if coded else ""
    return None


def fresh_token(digest: bytes) -> str:
    """24 characters, at least one of them a letter."""
    return base64.urlsafe_b64encode(digest[:17]).decode().rstrip("=") + "A"


def twin_of(token: str) -> str:
    """The same token but for the case of its last letter."""
    return token[:-1] + token[-1].swapcase()


def immutable_token(token: str) -> str:
    """The other form's token; twins stay twins."""
    return base64.urlsafe_b64encode(hashlib.sha256(token[:-1].encode()).digest()).decode()[:23] + token[-1]


def _day(coded: str) -> str:
    text = base64.urlsafe_b64decode(coded).decode(errors="replace")[:8]
    return f"{text[:4]}-{text[4:6]}-{text[6:]}"
