from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from dashboard.ui.text import code, plain
from tests.pages.hostile import MARKUP, VALUES

JOINER = "\N{WORD JOINER}"
SIGNS = ["1. a", "- a", "+ a", "---", "===", "# a", "> a", "    a", "a\n\nb", "a\n---", "a  \nb"]
SIGNS += ["a | b\n--|--\n1 | 2", "&copy; &#60;", "[^1]", "a\\", "``a`", "*", "~~~\na", "[x]: /y"]
TEXTS = [MARKUP, *SIGNS, *VALUES.values()]


def shown(text: str) -> str:
    """Returns a text as a page can show it: in one line, without joiners."""
    return re.sub(r"[\s\x00-\x1f\ufffd]+", " ", text.replace(JOINER, "")).strip()


@pytest.mark.parametrize("text", TEXTS)
def test_text_stays_text(text: str) -> None:
    [*tokens] = MarkdownIt("commonmark").enable("table").parse(plain(text))
    assert [each.type for each in tokens if each.type != "inline"] == (
        ["paragraph_open", "paragraph_close"] if text.strip() else []
    )
    for inline in (each for each in tokens if each.type == "inline"):
        kinds = {each.type for each in inline.children or ()}
        assert kinds <= {"text", "text_special"}
        assert shown("".join(each.content for each in inline.children or ())) == shown(text)


@given(some.text(alphabet="`*_[]()<>#$~|:!&\\-+=. \n1ahttpw/@", max_size=40))
def test_any_text_stays_text(text: str) -> None:
    test_text_stays_text(text)


@pytest.mark.parametrize(
    "text",
    [
        *("http://a.b", "HTTPS://a.b", "www.a.b", "a@b.cd", ":material/home:", ":streamlit:"),
        *(":car:", "a -> b", "a <- b", "a -- b", "a >= b", "a <= b", "a <-> b", "a ~= b"),
    ],
)
def test_what_an_escape_does_not_keep_from_being_replaced_is_broken(text: str) -> None:
    assert JOINER in plain(text)
    assert plain(text).replace(JOINER, "").replace("\\", "") == text


@pytest.mark.parametrize("text", ["car-01 (2).jpg", "1986.jpg", "--data DIR", "9 of 12, at 3 px"])
def test_a_usual_text_is_as_it_was(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize("text", [each for each in TEXTS if each.strip()])
def test_code_stays_code(text: str) -> None:
    inline = MarkdownIt("commonmark").parseInline(f"in {code(text)}.")[0]
    kinds = [each.type for each in inline.children or ()]
    assert kinds == ["text", "code_inline", "text"]
    assert shown((inline.children or [])[1].content) == shown(text)
