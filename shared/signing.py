"""Keyed MACs with rotation: what we hand out and must recognise when it comes back.

A `Keyring` signs with its first key and recognises any of them, so that a key can be replaced without a gap. Each use
has a purpose of its own mixed in, so that a MAC made for one thing is worth nothing for another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keyring:
    """`keys`: the current key first. `purpose`: a word such as `notification`."""

    keys: Sequence[bytes]
    purpose: str

    @property
    def current(self) -> str:
        """What names the current key without telling it: eight characters."""
        return self.sign("")[:8]

    def sign(self, message: str) -> str:
        """43 characters of URL-safe base64."""
        return self._mac(self.keys[0], message)

    def recognises(self, message: str, mac: str) -> bool:
        """Whether any live key made `mac` for `message`; takes as long whichever it was."""
        given = mac.encode()
        matches = [hmac.compare_digest(self._mac(key, message).encode(), given) for key in self.keys]
        return any(matches)

    def _mac(self, key: bytes, message: str) -> str:
        digest = hmac.new(key, f"{self.purpose}\0{message}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
