"""What the cars of a drawn set were drawn from, as its manifest says."""

from __future__ import annotations

from pathlib import Path

from core.files import read_json

KIND = "carmask synthetic set"
"""How the manifest of a set that `training.synthetic` drew begins."""
MANIFEST = "manifest.json"


def drawing_of(root: Path) -> str:
    """Returns the seed that a folder's cars were drawn from, as text; "" of any other folder.

    Two seeds draw other cars under the same ids.
    """
    try:
        facts = read_json(root / MANIFEST)
    except (OSError, ValueError):
        return ""
    seed = facts.get("seed") if isinstance(facts, dict) and facts.get("kind") == KIND else None
    return str(seed) if type(seed) is int else ""
