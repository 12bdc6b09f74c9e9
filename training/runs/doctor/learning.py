"""Signs in the loss and the scores: does it learn, at the right pace, and for photos it never saw?

Each sign is a function of a case that returns the evidence in words; "" where there is none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.runs.doctor.case import Case, loss_trend

EXPLODED, RISEN = 3.0, 1.5
"""How many times its lowest a loss that exploded, or that rose, is."""
HARDLY, LEVEL = 0.7, 0.97
"""Share of its first height that a loss still has which hardly fell, or did not fall at all."""
STEPS = 200
"""Steps after the warm-up in which a loss should have fallen."""
LOW_RATE = {"adamw": 1e-4, "adam": 1e-4, "sgd": 1e-3}
HIGH_RATE = {"adamw": 3e-2, "adam": 3e-2, "sgd": 3.0}
"""Learning rates that are low or high for a U-Net from scratch, by the optimiser; between them a
loss that hardly falls says which it is by whether it falls at all."""
GAP = 0.05
"""Dice by which training photos are ahead of validation photos where it overfits."""
WORSE = 1.25
"""Times its lowest that the validation error is, where it grows while the training loss falls."""
SINCE = 5
"""Validations in which the best one was not beaten; one or two tell nothing."""
_BEATEN_BY, _LEAST_WORSE = 0.01, 0.005
"""Dice by which a better epoch is better, and by which a worse one is worse."""
_STILL_FALLS = 0.95
_DICE_LOSSES = ("dice", "bce_dice")


def not_a_number(case: Case) -> str:
    """Tells where the loss became NaN or infinite."""
    if case.summary.cause == "diverged":
        return f"The step after {case.steps:,} had a loss that is NaN or infinite."
    own = case.summary.written_by == "carmask"
    for table, unit in ((case.curves.steps, "step"), (case.curves.epochs, "epoch")):
        place = _first_broken(table["loss"], own=own)
        if place is not None:
            value = table["loss"].iloc[place]
            return f"The loss is {value} from {unit} {table[unit].iloc[place]} on."
    return ""


def exploded(case: Case) -> str:
    """Tells by how much the loss rose, where it rose for good."""
    return _risen(case, EXPLODED, np.inf)


def rate_too_high(case: Case) -> str:
    """Tells of a loss that rose, or that never fell at a learning rate that is not low."""
    risen = _risen(case, RISEN, EXPLODED)
    if risen or exploded(case) or _is_low(case):
        return risen
    return _height(case, HARDLY if _is_high(case) else LEVEL, np.inf)


def rate_too_low(case: Case) -> str:
    """Tells of a loss that falls, but hardly."""
    if _risen(case, RISEN, np.inf) or _is_high(case):
        return ""
    return _height(case, HARDLY, np.inf if _is_low(case) else LEVEL)


def overfits(case: Case) -> str:
    """Tells by how much training photos are ahead, or validation photos fall back."""
    return _gap(case) or _falls_back(case)


def _first_broken(losses: pd.Series[float], *, own: bool) -> int | None:
    """Returns the place of the first loss that is none; None if all are.

    In foreign tables an empty cell is NaN too: there, two at the end after figures alone count.
    """
    values = losses.to_numpy(np.float64)
    finite = np.isfinite(values)
    broken = ~finite if own else np.isinf(values)
    leading = int(np.append(finite, False).argmin())  # figures before the first gap
    if 0 < leading <= len(values) - 2 and not finite[leading:].any():
        broken[leading:] = True
    return int(broken.argmax()) if broken.any() else None


def _risen(case: Case, least: float, below: float) -> str:
    trend = loss_trend(case.curves)
    if trend is None or trend.lowest <= 0:
        return ""
    times = trend.now / trend.lowest
    if not least <= times < below:
        return ""
    return f"The loss is {trend.now:.4g}, {times:.1f} times its lowest, {trend.lowest:.4g}."


def _height(case: Case, least: float, below: float) -> str:
    """Tells how high a loss still is that began from scratch, where that is in a range."""
    trend = loss_trend(case.curves)
    warmup = case.config.warmup_steps if case.config else 0
    if trend is None or not case.from_scratch or case.steps < warmup + STEPS:
        return ""
    share = trend.now / trend.began if trend.began > 0 else 0.0
    if not least <= share < below:
        return ""
    return (
        f"After {case.steps:,} steps the loss is {trend.now:.4g}, {share:.0%} of the "
        f"{trend.began:.4g} that it began with{_at_rate(case)}."
    )


def _at_rate(case: Case) -> str:
    return "" if case.top_rate is None else f", at a learning rate of {case.top_rate:.2g}"


def _is_low(case: Case) -> bool:
    return case.top_rate is not None and case.top_rate <= LOW_RATE[_optimizer(case)]


def _is_high(case: Case) -> bool:
    return case.top_rate is not None and case.top_rate >= HIGH_RATE[_optimizer(case)]


def _optimizer(case: Case) -> str:
    return case.config.optimizer if case.config else "adam"


def _gap(case: Case) -> str:
    """Tells how far Dice on training photos is ahead, once that on validation photos stands still.

    Where only the loss says how good it is on them, 1 - loss is what their soft Dice is at least:
    "dice" is 1 - soft Dice, and "bce_dice" adds to it what is never negative.
    """
    epochs = _validated(case, "val_dice")
    if "train_dice" in epochs:
        train, least = epochs["train_dice"], ""
    elif case.config is not None and case.config.loss in _DICE_LOSSES:
        train, least = 1 - epochs["loss"], "at least "
    else:
        return ""
    if len(epochs) <= SINCE:
        return ""
    val = epochs["val_dice"]
    if val.iloc[-SINCE:].max() > val.iloc[:-SINCE].max() + _BEATEN_BY:
        return ""
    if not (train - val).iloc[-SINCE:].min() >= GAP:
        return ""
    return (
        f"In epoch {epochs['epoch'].iloc[-1]} Dice is {least}{train.iloc[-1]:.3f} on training "
        f"photos and {val.iloc[-1]:.3f} on validation photos, which get no better."
    )


def _falls_back(case: Case) -> str:
    """Tells how much worse validation became while the training loss went on falling."""
    for column, name in (("val_dice", "Dice"), ("val_iou", "IoU"), ("val_loss", "loss")):
        epochs = _validated(case, column)
        if len(epochs) <= SINCE:
            continue
        values, losses = epochs[column].to_numpy(np.float64), epochs["loss"].to_numpy(np.float64)
        errors = values if column == "val_loss" else 1 - values
        best, now = int(errors.argmin()), float(errors[-SINCE:].mean())
        grown = now >= WORSE * errors[best] and now - errors[best] >= _LEAST_WORSE
        falls = losses[-1] < _STILL_FALLS * losses[best]
        if grown and falls and len(errors) - 1 - best >= SINCE:
            return (
                f"The validation {name} was {values[best]:.4g} in epoch "
                f"{epochs['epoch'].iloc[best]} and is {values[-SINCE:].mean():.4g} on average of "
                f"the last {SINCE}, while the training loss fell from {losses[best]:.4g} to "
                f"{losses[-1]:.4g}."
            )
    return ""


def _validated(case: Case, column: str) -> pd.DataFrame:
    """Returns the epochs that have a validation figure; none where there is no such column."""
    epochs = case.curves.epochs
    return epochs.dropna(subset=[column]) if column in epochs else epochs[:0]
