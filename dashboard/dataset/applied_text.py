"""What was done to a photo, in short words: "Affine: turn -4.1°, scale 0.92"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from training.augment.step import TRANSFORMS

TIMES = "\N{MULTIPLICATION SIGN}"
_TITLES = {"Affine": "Affine", "RandomBrightnessContrast": "Exposure", "Composite": "Composite"}
"""Shorter titles than the table's, for a narrow caption."""
_WORDS = {
    "alpha": f"contrast {TIMES}",
    "beta": "brightness",
    "clip_limit": "limit",
    "color_shift": "colour",
    "hue_shift": "hue",
    "kernel": "window",
    "largest_shift_x": "x up to",
    "largest_shift_y": "y up to",
    "noise_map": "grain",
    "particle_positions": "drops",
    "rotate": "turn",
    "sat_shift": "saturation",
    "val_shift": "value",
}
_UNITS = {
    "displacement": " px",
    "kernel": " px",
    "largest_shift_x": " px",
    "largest_shift_y": " px",
    "quality": "%",
    "rotate": "°",
    "shear": "°",
    "temperature": " K",
}
_SIGNED = {"beta", "hue_shift", "sat_shift", "val_shift"}
"""What is added to the photo; its sign says the direction."""
_UNCHANGED = {"hue_shift", "sat_shift", "val_shift", "shear"}
"""What does nothing at 0, and then is not worth a word."""
_HIDDEN = {
    *("matrix", "seed", "random_seed", "shifts", "vertices_list", "radiuses", "circles"),
    "flare_center",
}
"""What says nothing to a person."""
_MOST = 5
"""Parameters that are written out for one transform."""


def applied_line(transform: str, parameters: Mapping[str, Any]) -> str:
    """Returns a transform and what it drew as one short line of plain text.

    Args:
        transform: Its name in the table of transforms.
        parameters: Names and values of JSON's kinds, as `Applied` and a manifest have them.
    """
    if transform == "RandomRotate90":
        return f"Quarter turns: {90 * int(parameters.get('factor', 0))}°"
    if transform == "Sharpen":
        parameters = {"strength": parameters.get("alpha")}
    known = TRANSFORMS.get(transform)
    title = _TITLES.get(transform) or (known.title if known else transform)
    values = [_worded(name, value) for name, value in parameters.items() if name not in _HIDDEN]
    shown = [each for each in values if each][:_MOST]
    if len(shown) == 1 and shown[0].startswith(f"{title.lower()} "):
        return shown[0].capitalize()
    return f"{title}: {', '.join(shown)}" if shown else title


def applied_lines(applied: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Returns one short line for each transform, (name, parameters); "unchanged" for none."""
    return [applied_line(*each) for each in applied] or ["unchanged"]


def _worded(name: str, value: Any) -> str:
    text = _value(value)
    if not text or (name in _UNCHANGED and text == "0"):
        return ""
    if name in _SIGNED and isinstance(value, int | float) and value > 0:
        text = f"+{text}"
    word = _WORDS.get(name, name.replace("_", " "))
    gap = "" if word.endswith(TIMES) else " "
    return f"{word}{gap}{text}{_UNITS.get(name, '')}"


def _value(value: Any) -> str:
    """Returns a value in a few characters; nothing for what can't be said so shortly."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list | tuple):
        return _listing(list(value))
    return ""


def _mapping(value: Mapping[str, Any]) -> str:
    if "deviation" in value:  # of a map as large as the photo; a kernel's says nothing
        return f"±{_value(value['deviation'])}" if len(value.get("shape", ())) > 2 else ""
    if "count" in value:
        return _value(value["count"])
    parts = [_value(each) for each in value.values()]
    if len(set(parts)) == 1:
        return parts[0]
    return " by ".join(parts) if all(parts) else ""


def _listing(values: list[Any]) -> str:
    if len(values) > 2 or not all(isinstance(each, int | float) for each in values):
        return f"{len(values)}" if len(values) > 1 else ""
    return " by ".join(map(number, values))


def number(value: float) -> str:
    """Returns a number with three digits that count, and a true minus sign."""
    if isinstance(value, int) or abs(value) >= 100:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}" if abs(value) >= 0.001 else "0"
    return text.replace("-", "\N{MINUS SIGN}")
