"""Paths as people, links and settings files write them."""

from pathlib import Path

from core.errors import ConfigError, reason
from core.names import shortened


def to_path(text: str, base: Path = Path()) -> Path:
    """Return the path that a text stands for; there need be nothing at it yet.

    Blanks and quotation marks around it go, and a "~" at its start becomes the home folder.

    Args:
        text: The path as it was typed, or as a link or a file has it.
        base: Folder from which a relative path is counted.

    Raises:
        ConfigError: The system can't look it up: it holds a NUL byte, is too long, names an unknown
            user's home, goes in circles through links, or through a folder without permission.
    """
    try:
        path = base / Path(text.strip().strip("\"'")).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"{shortened(text)!r} can't be used as a path ({reason(error)}); give one of this "
            "machine."
        ) from error
    return path
