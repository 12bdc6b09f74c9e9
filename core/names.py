"""Names of files, from anywhere: fit to be shown, sorted, and made into safe unique ones."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

_STEM_LENGTH = 110  # characters, so that with "_2" and the like a stem stays under 120
_STEM_BYTES = 200  # of UTF-8: with "_overlay.jpg" it must fit into the 255 of most file systems
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
# Control characters, what is broken in a name, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069\ufffd]")
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
# Folders that systems and network storage make beside a person's own, in lower case.
_SYSTEM = {"__macosx", "$recycle.bin", "system volume information", "#recycle", "#snapshot"}
_SYSTEM |= {"@eadir", "@tmp", "@thumb", "@__thumb", "@transcode", "@sharebin", "@recycle"}
_SYSTEM |= {"@recently-snapshot"}


def printable(name: str) -> str:
    """Return a name with a replacement character for each that can't or mustn't be shown."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", name)


def is_text(name: str) -> bool:
    """Return whether a name read from a disk is text in UTF-8; another can't be shown or sent."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def shortened(text: str, most: int = 100) -> str:
    """Return a text without its middle where it has more than `most` characters, for a message."""
    return text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 4 :]}"


def first_few(names: Sequence[str], most: int) -> str:
    """Return at most so many names with commas between them, and dots where there are more."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 photo", "2,400 photos"; `many` defaults to `one` + s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def is_hidden(name: str) -> bool:
    """Return whether a file or folder, by its name without a path, is none that a person made.

    These are hidden ones (`.git`, `.thumbnails`, macOS's `._x.jpg`) and folders of systems and
    network storage (`__MACOSX`, Synology's `@eaDir` of thumbnails, recycle bins).
    """
    return name.startswith(".") or name.lower() in _SYSTEM


def composed(name: str) -> str:
    """Return a name in the form in which names are compared: printable, in Unicode's form NFC.

    Linux and Windows mostly hold an umlaut as one character, macOS mostly as a letter and a mark.
    """
    return unicodedata.normalize("NFC", printable(name))


def natural_order(path: str) -> tuple[list[list[tuple[int, str]]], str]:
    """Return a sort key by which car2 stands before car10, folder by folder.

    Args:
        path: A path with "/" between folders.
    """
    folders = [re.split("([0-9]+)", folder.casefold()) for folder in path.split("/")]
    # Numbers by their length, then their digits: `int` refuses very long ones.
    keys = [
        [(len(text.lstrip("0")), text.lstrip("0")) if at % 2 else (0, text) for at, text in parts]
        for parts in map(enumerate, folders)
    ]
    return keys, path


def safe_stem(name: str) -> str:
    """Return a file name's stem such that every system can hold it as the start of a name.

    Args:
        name: A file's name or path, of any characters and length.

    Returns:
        The stem, 1 to 111 characters.
    """
    last = re.split(r"[/\\]", composed(name))[-1]
    stem = re.sub(r"(?<=.)\.[A-Za-z0-9]{1,5}$", "", last)
    stem = _FORBIDDEN.sub("_", _UNPRINTABLE.sub("_", stem))
    stem = stem[:_STEM_LENGTH].encode()[:_STEM_BYTES].decode(errors="ignore").strip(" .")
    if _RESERVED.match(stem):
        stem = f"_{stem}"
    return stem or "photo"


def unique(wanted: Sequence[str], form: str, fold: Callable[[str], str] = str) -> list[str]:
    """Return the names wanted, the second of a kind with 2, the third with 3 and so on.

    Args:
        wanted: Names, the same ones more than once among them.
        form: How a number is added to a name, such as "{}_{}".
        fold: What two names share that count as the same; by default they must be equal.

    Returns:
        A name for each one wanted, in the same order.
    """
    taken = {fold(name) for name in wanted}  # what is wanted plainly is given to no duplicate
    seen: Counter[str] = Counter()
    result = []
    for name in wanted:
        kind, free = fold(name), name
        seen[kind] += 1
        if seen[kind] > 1:
            while fold(free := form.format(name, seen[kind])) in taken:
                seen[kind] += 1
            taken.add(fold(free))
        result.append(free)
    return result
