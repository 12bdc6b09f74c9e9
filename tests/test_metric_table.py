"""A new metric is one entry in the table and its formula: every list of metrics follows."""

import ast
import subprocess
import sys
from pathlib import Path

from core.metric_table import HEADLINE, METRICS, find_metric

ROOT = Path(__file__).resolve().parent.parent
ENTRY = """    accuracy_of_all: float = _entry(
        "Accuracy of all", "Share of right pixels.", 0.001, shown="everywhere", aliases=("acc_all",)
    )
    iou: float"""
FORMULA = "        accuracy_of_all=float((mask == truth).mean()),\n        iou=pixels.iou"
WALK = f"""
import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path

import numpy as np

def load(name, old, new):
    spec = find_spec(name)
    source = Path(spec.origin).read_text(encoding="utf-8")
    assert source.count(old) == 1, (name, old)
    module = sys.modules[name] = module_from_spec(spec)
    setattr(sys.modules["core"], name.rpartition(".")[2], module)
    exec(compile(source.replace(old, new), spec.origin, "exec"), module.__dict__)

load("core.metric_table", "    iou: float", {ENTRY!r})
load("core.metrics", "        iou=pixels.iou", {FORMULA!r})

from pydantic import TypeAdapter

from core import facts, metrics
from core.metric_table import find_metric
from core.split_verdict import UNKNOWN
from dashboard.compare.table_view import shown_metrics
from dashboard.runs.filters import ORDERS
from dashboard.runs.listed import Listed
from dashboard.runs.table import table_of
from training.config import TrainConfig, field_choices
from training.evaluation import measure
from training.runs import curve_shapes, exports
from training.runs.foreign.log import figure
from training.runs.notes import RunNotes
from training.runs.summary import RunSummary, Scores

name, label, value = "accuracy_of_all", "Accuracy of all", 0.75
mask, truth = np.eye(4, dtype=bool), np.zeros((4, 4), bool)
scores = metrics.score(mask, truth)
assert getattr(scores, name) == value
row = measure.ImageRow("data", "photo", "car", "", **vars(scores))
assert name in measure.COLUMNS and measure.summary_of([row])[name] == value
for wrong in ({{name: 2.0}}, {{"sources": {{"data": {{name: "much"}}}}}}):
    try:
        TypeAdapter(facts.Scores).validate_python(wrong)
    except ValueError:
        continue
    raise AssertionError(wrong)
assert name in field_choices()["best_by"] and TrainConfig(data=("x",), best_by=name)
assert f"val_{{name}}" in exports.COLUMNS
assert curve_shapes.title_of(name) == label
assert figure("val/acc_all").column == f"val_{{name}}"
best = Scores.read(1, {{name: value}})
run = Listed(RunSummary("run", Path(), best=best, last=best), RunNotes())
table = table_of([run])
assert table[label].item() == table[f"Last {{label}}"].item() == ORDERS[label](run) == value
assert find_metric(name) in shown_metrics(find_metric("dice"), every=False)
print("every list has it")
"""


def test_a_new_metric_is_an_entry_and_a_formula() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WALK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "every list has it", done.stderr


def test_no_other_module_lists_metrics() -> None:
    """A list by hand would name an edge metric; Dice and IoU have other uses too."""
    edges = [metric for metric in METRICS if metric.name.startswith(("boundary", "hd", "assd"))]
    words = {word for metric in edges for word in (metric.name, metric.title, metric.label)}
    # What a terminal has room for.
    allowed = {"core/metric_table.py", "training/commands/compare.py"}
    paths = [
        path
        for folder in ("core", "training", "dashboard", "pages")
        for path in (ROOT / folder).rglob("*.py")
    ]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in [*paths, ROOT / "streamlit_app.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    }
    assert found <= allowed


def test_each_entry_is_whole() -> None:
    assert METRICS[0].name == "dice"
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert len({metric.label for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.help and metric.margin > 0
    assert all(metric in METRICS for metric in HEADLINE)
    assert find_metric("hd95").text(8.125) == "8.12"
    assert find_metric("dice").text(0.98712) == "0.9871"
