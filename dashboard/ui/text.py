"""Foreign text, such as a file's name, on its way into Markdown."""

from __future__ import annotations

import re

from core.names import printable

_SIGNS = re.compile(r"[\\`*_{}\[\]<>#$~|:!&]")
_BEGINNING = re.compile(r"(\d{1,9}(?=[.)](?:\s|$))|(?=[-+](?:\s|$)|[-=]+$))")
"""Where an escape keeps a line from beginning a list, or from being a rule or a heading's."""
_LATE = re.compile(
    r"""
    (?<=http:)(?=//) | (?<=https:)(?=//) | (?<=www)(?=\.) | (?=@)  # links and addresses
    | (?<=(?<!\S)[-<>~])(?=(?:->|[->=])(?!\S))                     # arrows and dashes
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Where Streamlit makes something else of a text after its escapes were taken away."""
_ICON = re.compile(r"(?<=:)(?=[a-z+-][\w+-]*(?:/\w+)?:)", re.IGNORECASE)
"""Where it does so in code too."""
_JOINER = "\N{WORD JOINER}"


def plain(text: str) -> str:
    """Returns Markdown that shows a text as it is, in one line.

    It has no mark-up, HTML, formula, colour, icon, link or list. Blanks around it go, since they
    would not be shown; what can't be shown becomes a replacement character. Invisible word joiners
    break what an escape does not: links, icons and arrows.
    """
    shown = _ICON.sub(_JOINER, _LATE.sub(_JOINER, _one_line(text)))
    escaped = _SIGNS.sub(r"\\\g<0>", shown)
    beginning = _BEGINNING.match(escaped)
    return f"{beginning[0]}\\{escaped[beginning.end() :]}" if beginning else escaped


def code(text: str) -> str:
    """Returns Markdown that shows a text as it is, in one line, as code: a path or a command."""
    shown = _ICON.sub(_JOINER, _one_line(text))
    longest = max(map(len, re.findall("`+", shown)), default=0)
    fence, gap = "`" * (longest + 1), " " if longest or not shown else ""
    return f"{fence}{gap}{shown}{gap}{fence}"


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
