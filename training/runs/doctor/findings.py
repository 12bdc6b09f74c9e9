"""What can be wrong with a training: one rule each, in a table; and the doctor who looks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from core.errors import RunError
from training.presets import memory_advice
from training.runs.doctor import learning, surroundings
from training.runs.doctor.case import Case, case_of
from training.runs.listing import CurveReader, RunReader

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a run."""

    kind: str
    severity: Severity
    """"error": its result is worth nothing, or flatters; "warning": it could be better."""
    title: str
    evidence: str
    """What was seen, with its figures."""
    threshold: str
    """From when on it is judged so."""
    remedy: str
    """What to do."""

    def text(self) -> str:
        """Returns it as one line of a log."""
        return f"{self.severity}: {self.title}. {self.evidence} {self.remedy}"


@dataclass(frozen=True)
class _Rule:
    """A finding that may be made."""

    kind: str
    severity: Severity
    title: str
    threshold: str
    seen: Callable[[Case], str]
    """The evidence; "" where nothing is wrong."""
    remedy: Callable[[Case], str]


def findings_of(case: Case) -> list[Finding]:
    """Returns what is wrong with a run, the worst first; nothing for a healthy one."""
    return [
        Finding(rule.kind, rule.severity, rule.title, evidence, rule.threshold, rule.remedy(case))
        for rule in _RULES
        if (evidence := rule.seen(case))
    ]


def _other_rate(case: Case, times: float) -> str:
    """Returns the option of a learning rate so many times the present one."""
    rate = case.top_rate
    return f"--learning-rate {rate * times:.2g}" if rate else "another learning rate"


def _smaller_rate(case: Case) -> str:
    clip = case.config is not None and case.config.clip_norm == 0
    return f"Start again with {_other_rate(case, 0.1)}{' and --clip-norm 5' if clip else ''}."


def _larger_rate(case: Case) -> str:
    return (
        f"Start again with {_other_rate(case, 10)}; where the loss then rises, the masks may not "
        "fit their photos (python -m training check)."
    )


def _faster_loader(case: Case) -> str:
    if case.config is not None and not case.config.workers:
        return (
            "Read in a process beside the network: --workers 1; a run that goes on may change it."
        )
    workers = f"--workers {2 * case.config.workers}" if case.config else "more of its processes"
    kept = case.config is not None and case.config.cache == "memory"
    memory = "" if kept else "; with memory to spare --cache memory"
    return (
        f"With processors to spare give {workers}{memory}, which a run that goes on may change; "
        "else make the photo files smaller, or take a lighter recipe."
    )


def _look_at_masks(case: Case) -> str:
    advice = dict.fromkeys(odd.advice for odd in case.masks.odd)
    return " ".join([*advice, "python -m training check looks at all of them."])


def _less_memory(case: Case) -> str:
    advice = memory_advice(case.config) if case.config else "Take a smaller batch, size or width."
    return f"Where nobody ended it by hand: {advice}" if case.summary.cause == "killed" else advice


_RULES = (
    _Rule(
        "loss_is_nan",
        "error",
        "The loss is no number any more",
        "a loss that is NaN or infinite",
        learning.not_a_number,
        _smaller_rate,
    ),
    _Rule(
        "memory",
        "error",
        "Too little memory",
        "a step that did not fit, or a trainer that the system killed",
        surroundings.memory_is_short,
        _less_memory,
    ),
    _Rule(
        "exploding_loss",
        "error",
        "The loss explodes",
        f"a loss of {learning.EXPLODED:g} times its lowest, noise smoothed away",
        learning.exploded,
        _smaller_rate,
    ),
    _Rule(
        "leaking_split",
        "error",
        "The split leaks, so every figure flatters",
        "a car, or copies of a photo, on both sides",
        surroundings.split_leaks,
        lambda _: "Start again with a split by car: --split-by car.",
    ),
    _Rule(
        "black_output",
        "error",
        "The masks are all black",
        f"{surroundings.NOTHING:.0%} or less of the cars found, in two validations in a row after "
        f"{surroundings.STEPS} steps",
        surroundings.all_black,
        lambda case: (
            f"Look whether the masks are of these photos, then start again with "
            f"{_other_rate(case, 0.1)}, --loss bce_dice or a larger --positive-weight."
        ),
    ),
    _Rule(
        "white_output",
        "error",
        "The masks are all white",
        f"{surroundings.ALL:.0%} or more of the cars found and half or more of it wrong, in two "
        f"validations in a row after {surroundings.STEPS} steps",
        surroundings.all_white,
        lambda case: (
            f"Look whether the masks are the right way round, then start again with "
            f"{_other_rate(case, 0.1)} or a smaller --positive-weight."
        ),
    ),
    _Rule(
        "rate_too_high",
        "warning",
        "The learning rate is too high",
        f"a loss of {learning.RISEN:g} times its lowest, or one that is where it began after "
        f"{learning.STEPS} steps",
        learning.rate_too_high,
        _smaller_rate,
    ),
    _Rule(
        "rate_too_low",
        "warning",
        "The learning rate is too low",
        f"a loss that has fallen by less than {1 - learning.HARDLY:.0%} after {learning.STEPS} "
        "steps from scratch",
        learning.rate_too_low,
        _larger_rate,
    ),
    _Rule(
        "overfitting",
        "warning",
        "It learns its photos by heart",
        f"Dice {learning.GAP:g} better on training photos, or a validation error of "
        f"{learning.WORSE:g} times its lowest while the training loss falls; in "
        f"{learning.SINCE} validations without a better one",
        learning.overfits,
        lambda _: (
            "Use the best checkpoint. For a better one add cars, or start again with a "
            "heavier recipe, less width, or --patience."
        ),
    ),
    _Rule(
        "slow_loader",
        "warning",
        "The photos come slower than the network could learn from them",
        f"a network that waits {surroundings.WAITED:.0%} of its time or more",
        surroundings.loader_is_slow,
        _faster_loader,
    ),
    _Rule(
        "odd_masks",
        "warning",
        "Some masks have odd values",
        "a mask of more than two values, all black or all white",
        surroundings.masks_are_odd,
        _look_at_masks,
    ),
)
KINDS = tuple(rule.kind for rule in _RULES)
"""Every kind of finding."""


class Doctor:
    """Looks at one run, our own or a foreign one; a second look reads what was appended alone."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._summary = RunReader(run.name, run)
        self._curves = CurveReader(run)
        self._told: set[str] = set()

    def case(self) -> Case:
        """Returns the run as it is now.

        Raises:
            RunError: It is no run, or can't be read.
        """
        try:
            summary = self._summary.read()
        except FileNotFoundError as error:
            raise RunError(f"There is no run {self._run}; give a run's folder.") from error
        if not summary.written_by or (summary.error and summary.written_by != "carmask"):
            raise RunError(f"{self._run}: {summary.error}")
        return case_of(summary, self._curves.read())

    def findings(self) -> list[Finding]:
        """Returns what is wrong with the run as it is now, the worst first.

        Raises:
            RunError: As `case`.
        """
        return findings_of(self.case())

    def news(self) -> list[Finding]:
        """Returns what is wrong now and was not told before; each kind is told once.

        Raises:
            RunError: As `case`.
        """
        found = [each for each in self.findings() if each.kind not in self._told]
        self._told.update(each.kind for each in found)
        return found
