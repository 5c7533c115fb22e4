"""Descriptions: what people read stays the same, however often it is written and however Outlook wraps it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.providers.microsoft.body import canonical, to_html, to_text


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("ab \n\r\t<>&;\u00a0\f", max_size=40))
def test_a_text_is_the_same_after_any_number_of_round_trips(text: str) -> None:
    once = to_text(to_html(text))
    assert once == canonical(text)
    assert to_text(to_html(once)) == once


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<html><head><style>p {color: red}</style><title>x</title></head><body>Bring <b>papers</b></body></html>",
         "Bring papers"),
        ("<html>\r\n<head>\r\n<meta charset='utf-8'>\r\n</head>\r\n<body>\r\n<div>One<br>\r\nTwo</div></body></html>",
         "One\nTwo"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<ul><li>One</li><li>Two</li></ul>", "One\nTwo"),
        ("a &amp; b &lt;c&gt; &#252;", "a & b <c> ü"),
        ("<!-- hidden --><span>seen</span><script>alert(1)</script>", "seen"),
        ("  much \n\t space  ", "much space"),
        ("", ""),
        ("<p", "<p"),
    ],
)  # fmt: skip
def test_the_text_of_a_body_is_what_people_see(html: str, text: str) -> None:
    assert to_text(html) == text


def test_a_plain_body_is_not_read_as_html() -> None:
    assert to_text("a <b>\r\nc ", "text") == "a <b>\nc"


def test_what_looks_like_html_in_our_text_is_shown_and_not_run() -> None:
    assert to_html("<script>x</script>") == "<div>&lt;script&gt;x&lt;/script&gt;</div>"
    assert to_text(to_html("<b>&amp;</b>")) == "<b>&amp;</b>"
