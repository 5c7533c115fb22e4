from __future__ import annotations

import pytest

from shared.signing import Keyring

RING = Keyring([b"current", b"previous"], "notification")


def test_a_mac_is_recognised_while_its_key_is_live_and_not_after():
    old = Keyring([b"previous"], "notification").sign("message")
    assert RING.recognises("message", RING.sign("message"))
    assert RING.recognises("message", old)
    assert not Keyring([b"current"], "notification").recognises("message", old)


def test_a_mac_made_for_one_purpose_is_worth_nothing_for_another():
    assert not Keyring(RING.keys, "oauth-state").recognises("message", RING.sign("message"))


@pytest.mark.parametrize("mac", ["", "x", "\u00e4", "=", "None"])
def test_a_mac_that_is_none_is_not_recognised(mac):
    assert not RING.recognises("message", mac)


def test_every_character_of_message_and_mac_counts():
    mac = RING.sign("message")
    assert len(mac) == 43
    for at in range(len(mac)):
        other = "A" if mac[at] != "A" else "E"
        assert not RING.recognises("message", mac[:at] + other + mac[at + 1 :])
    for other in ("messag", "message ", "Message", "message\0"):
        assert not RING.recognises(other, mac)


def test_every_key_is_tried_however_early_one_fits(monkeypatch):
    tried = []
    monkeypatch.setattr(Keyring, "_mac", lambda self, key, message: tried.append(key) or "mac")
    assert RING.recognises("message", "mac")
    assert tried == list(RING.keys)
