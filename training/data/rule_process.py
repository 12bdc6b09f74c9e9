"""A process that searches names by a regular expression: the one thing that can always be ended.

A visitor's expression may need ages, or all memory, to be compiled or searched for. The process
reads [expression, names] as JSON and writes what `search` returns. It imports nothing of ours, so
that it starts at once.
"""

from __future__ import annotations

import json
import re
import sys
from contextlib import suppress
from typing import Any

_MEMORY = 1 << 30
"""Most that it may hold, bytes."""


def search(rule: str, names: list[str]) -> dict[str, Any]:
    """Returns what the group "car" finds in each name, None where the rule does not fit.

    It stands under "cars"; what is wrong with the expression stands under "error".
    """
    try:
        pattern = re.compile(rule)
    except (re.error, OverflowError, RecursionError) as error:
        return {"error": f"it is no regular expression: {error}"}
    if "car" not in pattern.groupindex:
        return {"error": "it has no group named car"}
    return {"cars": [match["car"] if match else None for match in map(pattern.search, names)]}


def _main() -> None:
    with suppress(ImportError, OSError, ValueError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    json.dump(search(*json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    _main()
