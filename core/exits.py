"""How a command ends: its exit status, and a sentence on stderr where it can't do its work."""

from __future__ import annotations

import sys
from collections.abc import Callable

from core.errors import CarmaskError, reason

EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, EXIT_STOPPED = 0, 1, 2, 130


def ended(command: Callable[[], int], stopped: str = "") -> int:
    """Runs a command that reads and writes files, and returns its exit status.

    Args:
        command: Does the work and returns the status of that.
        stopped: What to say where Ctrl-C ends it; "" says nothing.
    """
    try:
        return command()
    except CarmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as error:
        place = error.filename2 or error.filename or "A file"
        print(
            f"error: {place} can't be used ({reason(error)}). Choose another place, or make room.",
            file=sys.stderr,
        )
        return EXIT_USAGE
    except KeyboardInterrupt:
        if stopped:
            print(stopped, file=sys.stderr)
        return EXIT_STOPPED
