"""python -m training doctor: what is wrong with a run, and what to do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training.commands import EXIT_OK, EXIT_SPOILT


def add(commands: Any) -> None:
    """Declares the command and its options."""
    parser = commands.add_parser(
        "doctor",
        help="say what is wrong with a run, and what to do",
        description="Say what is wrong with a run, running or not, our own or another program's. "
        "Exit status: 0 nothing spoils it, 1 something does or it broke off, 2 wrong usage.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Looks at a run and prints what it finds, each with evidence, threshold and remedy."""
    from training.runs.doctor.findings import Doctor, findings_of

    case = Doctor(options.run).case()
    findings = findings_of(case)
    broke_off = case.summary.status in ("failed", "crashed")
    if broke_off:
        print(f"It {case.summary.status}: {case.summary.message}\n")
    for finding in findings:
        print(f"{finding.severity}: {finding.title}")
        print(f"    {finding.evidence}")
        print(f"    judged so from: {finding.threshold}")
        print(f"  {finding.remedy}\n")
    if not findings and not broke_off:
        print("Nothing is wrong with it.")
    spoilt = broke_off or any(each.severity == "error" for each in findings)
    return EXIT_SPOILT if spoilt else EXIT_OK
