"""The table of a comparison: every cell, and files that other programs read."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError
from core.metric_table import find_metric
from tests.training.comparison.judged import rows_of
from training.comparison.aligned import Compared, align_rows
from training.comparison.ranking import rank
from training.comparison.table import ComparisonTable, comparison_table
from training.evaluation.cost import Cost, Latency, Quantile

DICE, HD95 = find_metric("dice"), find_metric("hd95")
CARS = np.random.default_rng(5).normal(0.99, 0.003, 38)
NOISE = np.random.default_rng(6).normal(0, 0.002, 38)
HARSH = r"50% of a_b & c|d #1 {x} \y ~ ^ <z> $"


def compared_of(*names: str) -> Compared:
    tables = [
        rows_of(CARS + 0.004 * place + (NOISE if place else 0), failed=[2], seconds=[0.1] * 38)
        for place in range(len(names))
    ]
    return align_rows(names, tables)


def table_of(*names: str) -> ComparisonTable:
    compared = compared_of(*names)
    return comparison_table(compared, rank(compared, DICE), [DICE, HD95], names[0])


def test_every_figure_stands_in_the_csv_file() -> None:
    compared = compared_of("a", "b, or c")
    table = comparison_table(compared, rank(compared, DICE), [DICE, HD95], "a")
    read = pd.read_csv(io.StringIO(table.to_csv()))
    assert read["checkpoint"].tolist() == ["a", "b, or c"]
    assert read["rank"].tolist() == [2, 1] and read["last_rank"].tolist() == [2, 1]
    for metric in (DICE, HD95):
        for row, interval in zip(read.to_dict("records"), compared.intervals(metric), strict=True):
            found = [row[f"{metric.name}{end}"] for end in ("", "_low", "_high")]
            assert found == pytest.approx([interval.estimate, interval.low, interval.high])
    assert read["verdict"].tolist() == ["baseline", "better"]
    gain = rank(compared, DICE).verdict("b, or c", against="a").interval
    assert read["dice_gain_low"].tolist() == pytest.approx([np.nan, gain.low], nan_ok=True)
    assert read[["photos", "cars", "left_out"]].iloc[0].tolist() == [37, 37, 1]
    assert read["seconds"].tolist() == [0.1, 0.1]


def test_a_reader_gets_rounded_figures_and_a_verdict() -> None:
    texts = table_of("a", "b").texts
    assert texts.columns.tolist() == [
        *("Checkpoint", "Rank", "Dice", "HD95, px", "Dice against a", "Time a photo")
    ]
    assert texts["Dice against a"][0] == "baseline"
    assert re.fullmatch(
        r"better by 0\.00\d+ Dice \(0\.00\d+ to 0\.00\d+\)", texts["Dice against a"][1]
    )
    assert re.fullmatch(r"0\.9\d+ \(0\.9\d+ to 0\.9\d+\)", texts["Dice"][0])
    assert texts["Time a photo"][0] == "100 ms"


def test_costs_stand_beside_the_figures() -> None:
    timed = Quantile(0.08, 0.07, 0.09)
    costs = [
        Cost(1_900_000, 10**10, 7_600_000, (Latency(640, 480, timed, timed, 75),), 10**9),
        Cost(500_000, 10**9, 2_000_000),  # was never timed here
    ]
    compared = compared_of("a", "b")
    table = comparison_table(compared, rank(compared, DICE), [DICE], "a", costs)
    assert table.figures["parameters"].tolist() == [1_900_000, 500_000]
    assert table.figures["file_bytes"].tolist() == [7_600_000, 2_000_000]
    times = table.figures["median_seconds_640x480"].tolist()
    assert times == pytest.approx([0.08, np.nan], nan_ok=True)
    assert table.texts["Size"].tolist() == ["7.6 MB", "2.0 MB"]


def test_one_checkpoint_has_no_verdict() -> None:
    table = table_of("a")
    assert not [name for name in table.figures if "verdict" in name or "gain" in name]
    assert table.texts["Rank"].tolist() == ["1"]


def test_the_notes_say_what_the_table_is_of() -> None:
    assert table_of("a", "b", "c").notes == (
        "Means over 37 photos of 37 cars, with 95% intervals over cars.",
        "Verdicts and ranks hold for all 3 pairs at once (Holm).",
        "Left out, as they can't be read (1): cars/c002_01.",
    )


def test_markdown_keeps_its_columns_whatever_the_names() -> None:
    lines = table_of("a", HARSH).to_markdown().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 8
    assert r"50% of a_b & c\|d" in rows[3] and r"\<z>" in rows[3]
    assert lines[5].startswith("Means over 37 photos")


def test_latex_is_plain_and_escaped() -> None:
    text = table_of("a", HARSH).to_latex()
    assert r"50\% of a\_b \& c\textbar{}d \#1 \{x\} \textbackslash{}y" in text
    assert "toprule" not in text and "usepackage" not in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {6}
    assert r"\begin{tabular}{llllll}" in text
    bare = re.sub(r"\\[\\{}&%$#_]|\\[a-z]+", "", text)  # commands and escaped characters
    assert bare.count("{") == bare.count("}") and not set(bare) & set("%$#_^~<>|\\")
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1


def test_an_unknown_baseline_is_refused() -> None:
    compared = compared_of("a", "b")
    with pytest.raises(ConfigError, match="'c' is not among what is compared; choose one of: a, b"):
        comparison_table(compared, rank(compared, DICE), [DICE], "c")
