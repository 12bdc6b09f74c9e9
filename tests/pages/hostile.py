"""What nobody means well puts into links and names, and what of a page is Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

MARKUP = (
    "[zq](javascript:alert(1)) ![zq](http://zq.example/i.png) https://zq.example www.zq.example "
    "zq@zq.example <b>zq</b> <img src=zq onerror=alert(1)> :red[zq] :material/zq: $zq$ `zq` **zq** "
    "_zq_ ~zq~"
)
"""Every kind of mark-up, around a word that stands nowhere else."""
VALUES = {
    "nothing": "",
    "nul": "a\0b.safetensors",
    "parents": "../../../../../../etc/passwd",
    "passwords": "/etc/passwd",
    "environment": "/proc/self/environ",
    "endless": "/dev/zero",
    "long": "x" * 10_000,
    "long name": "/" + "y" * 300 + ".safetensors",
    "deep": "/y" * 3000,
    "nobody's home": "~nobody-of-this-name/x.safetensors",
    "new line": "a\nb\r\n# zq",
    "mark-up": MARKUP,
    "emoji": "🚗🎉",
    "surrogate": b"\xed\xa0\x80.safetensors".decode(errors="replace"),  # as the server decodes it
    "brackets": "[" * 500 + "(" * 500,
    "brackets that close": "(" * 500 + ")" * 500,
    "a digit that is none": "²",
    "digits": "9" * 5000,
    "below": "-1",
    "beyond": "1e999",
    "no number": "nan",
    "list": "1,2,nan,inf",
}
_MADE = re.compile(
    r"(?<!\\)\[zq|(?<!\\)!\[|https?:(?=//)|www\.zq|zq@|(?<!\\)<|(?<!\\):red\[zq|(?<!\\):material/zq"
    r"|(?<!\\)\$zq|(?<!\\)`zq|(?<!\\)\*\*zq|(?<!\\)_zq|(?<!\\)~zq"
)
_MARKDOWN = ("body", "label", "help", "text", "title")


def markdown_of(app: AppTest) -> Iterator[str]:
    """Yields every text of a page that Streamlit reads as Markdown."""
    for node in app.main:
        proto = getattr(node, "proto", None)
        if isinstance(proto, Message) and proto.DESCRIPTOR.name not in ("Code", "Html"):
            yield from _texts(proto)


def marked_up(app: AppTest) -> list[str]:
    """Returns the texts of a page in which `MARKUP` became mark-up or a link."""
    told = [re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text) for text in markdown_of(app)]
    return [text for text in told if "zq" in text and _MADE.search(text)]


def _texts(proto: Message) -> Iterator[str]:
    for field, value in proto.ListFields():
        if isinstance(value, str) and field.name in _MARKDOWN:
            yield value
        elif isinstance(value, Message):
            yield from _texts(value)
