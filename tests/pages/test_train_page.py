"""The Train page: the form, its errors, and what it says of runs in every state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.places import PACKAGES
from dashboard.train.watch import extended
from dashboard.ui.words import duration, memory
from training.config import TrainConfig
from training.health import survey
from training.health.index import FactsIndex
from training.jobs.queue import Queue
from training.jobs.trial import Cost
from training.presets import PRESETS
from training.runs.runlog import RunState, create_run
from training.runs.summary import RunSummary

Open = Callable[..., AppTest]
PAGE = "pages/train.py"


@pytest.fixture(autouse=True)
def asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker is started: what is asked for stays in the queue."""
    monkeypatch.setattr("training.jobs.launch.wake", lambda _: None)
    monkeypatch.setattr("dashboard.ui.folders.data_folder", lambda: Path("no such folder"))


@pytest.fixture(autouse=True)
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos are checked at once, in this process, with an index of their own."""
    monkeypatch.setenv("CARMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(survey, "PATIENCE", 0)
    start, update = survey.Survey.start, FactsIndex.update

    def start_and_wait(each: survey.Survey) -> None:
        start(each)
        assert each.thread is not None
        each.thread.join(60)

    monkeypatch.setattr(survey.Survey, "start", start_and_wait)
    monkeypatch.setattr(FactsIndex, "update", lambda *a, **k: update(*a, **{**k, "workers": 0}))


def errors(app: AppTest) -> str:
    return "\n".join(each.value for each in app.error)


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption, *app.subheader])


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def test_every_setting_has_a_widget_with_its_help(open_page: Open, samples: Path) -> None:
    app = open_page(PAGE, train_on="samples")
    assert not app.exception
    kinds = (app.number_input, app.selectbox, app.text_input, app.multiselect, app.toggle)
    drawn = {each.key: each for kind in kinds for each in kind}
    for field in fields(TrainConfig):
        if field.name != "data":
            assert f"--{field.name.replace('_', '-')}" in drawn[f"set_{field.name}"].help
    assert "to learn from" in texts(app)
    assert not errors(app)
    best = PRESETS["best"].config({})
    assert app.number_input(key="set_epochs").value == best.epochs
    assert app.selectbox(key="set_recipe").value == best.recipe


def test_the_command_says_what_is_not_usual(open_page: Open, samples: Path) -> None:
    app = open_page(PAGE, train_on="samples")
    app.number_input(key="set_epochs").set_value(3).run()
    app.text_input(key="run_name").set_value("mine").run()
    command = app.code[0].value
    assert command.startswith("python -m training fit --preset best ")
    assert "--epochs 3" in command and "--name mine" in command and str(samples) in command
    assert "--batch" not in command
    assert app.query_params["epochs"] == "3"
    app.number_input(key="set_epochs").set_value(PRESETS["best"].config({}).epochs).run()
    assert "epochs" not in app.query_params, "what the preset says is not in the URL"


def test_a_preset_sets_all_settings(open_page: Open, samples: Path) -> None:
    app = open_page(PAGE, train_on="samples", batch="3")
    app.session_state["preset_choice"] = "quick"
    link = open_page(PAGE, train_on="samples", preset="quick")
    quick = PRESETS["quick"].config({})
    assert link.number_input(key="set_minutes").value == quick.minutes
    assert link.number_input(key="set_size").value == quick.size
    assert "--preset quick" in link.code[0].value


WRONG = {
    "epochs": (-3, "whole number from 0"),
    "size": (7, "whole number from 32"),
    "batch": (0, "whole number from 1"),
    "val_share": (2.0, "number from 0.0 to 0.9"),
    "learning_rate": (-1.0, "number from 0.0"),
    "depth": (99, "whole number from 1"),
    "seed": (-1, "whole number from 0"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_number_is_told_where_it_stands_and_nothing_is_lost(
    open_page: Open, samples: Path, name: str
) -> None:
    value, told = WRONG[name]
    app = open_page(PAGE, train_on="samples")
    app.text_input(key="run_name").set_value("kept").run()
    app.number_input(key=f"set_{name}").set_value(value).run()
    assert not app.exception
    assert told in errors(app).replace("\\", "")
    assert any(each.value.startswith(":red[") for each in app.markdown)
    assert app.button(key="start").disabled
    assert app.text_input(key="run_name").value == "kept"
    assert app.number_input(key=f"set_{name}").value == value
    usual = getattr(PRESETS["best"].config({}), name)
    app.number_input(key=f"set_{name}").set_value(usual).run()
    assert not errors(app) and not app.button(key="start").disabled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"epochs": "many"}, "no number"),
        ({"epochs": "99999999999999999999999"}, "no number"),
        ({"learning_rate": "nan"}, "no number"),
        ({"loss": "magic"}, "choose one of"),
        ({"recipe": "magic"}, "recipe"),
        ({"epochs": "0"}, "never end"),
        ({"start_from": "/no/such/run"}, "no /no/such/run"),
        ({"split": "/no/split.json"}, "no /no/split.json"),
        ({"car_rule": "("}, "car"),
    ],
)
def test_wrong_settings_in_a_link_are_told(
    open_page: Open, samples: Path, query: dict[str, str], told: str
) -> None:
    app = open_page(PAGE, train_on="samples", **query)
    assert not app.exception
    assert told in errors(app).replace("\\", "")
    assert app.button(key="start").disabled


def test_a_folder_without_data_is_told(open_page: Open, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    app = open_page(PAGE, data=str(empty), train_on="empty")
    assert "empty" in errors(app)
    assert app.button(key="start").disabled
    app.multiselect(key="train_on_choice").set_value([]).run()
    assert "Choose a data folder" in errors(app)
    gone = open_page(PAGE, train_on="gone")
    assert "gone" in gone.warning[0].value


def test_a_typed_folder_is_chosen_beside_the_others(
    open_page: Open, samples: Path, tmp_path: Path
) -> None:
    from tests.pages.drawn import write_samples

    write_samples(tmp_path / "more")
    app = open_page(PAGE, train_on="samples")
    app.text_input(key="train_folder").set_value(str(tmp_path / "more")).run()
    assert app.multiselect(key="train_on_choice").value == ["samples", "more"]
    assert not app.exception


def test_bad_files_are_refused_and_left_out_at_one_press(open_page: Open, samples: Path) -> None:
    photo = sorted((samples / "images").iterdir())[0]
    photo.write_bytes(b"no picture")
    app = open_page(PAGE, dataset="samples").run()
    assert app.button(key="start").disabled
    app = press(app, "leave_out_samples").run()
    assert app.query_params["leave_out"] == f"samples/{photo.stem}"
    assert not app.button(key="start").disabled
    assert f"--leave-out samples/{photo.stem}" in app.code[0].value
    app = press(app, "take_in_samples").run()
    assert "leave_out" not in app.query_params
    assert app.button(key="start").disabled


def test_nothing_starts_while_photos_are_checked_unless_that_is_stopped(
    open_page: Open, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey.Survey, "start", lambda each: None)
    app = open_page(PAGE, dataset="samples")
    assert app.button(key="start").disabled
    monkeypatch.setattr(survey.Survey, "state", "stopped", raising=False)
    monkeypatch.setattr(survey.Survey, "running", False)
    app = app.run()
    assert not app.button(key="start").disabled


def test_a_folder_and_how_it_is_read_go_along_from_page_to_page(
    open_page: Open, samples: Path
) -> None:
    app = open_page("pages/dataset.py", dataset="samples", inverted="samples", rule="(?P<car>.)")
    app = app.switch_page(PAGE).run()
    assert app.multiselect(key="train_on_choice").value == ["samples"]
    assert app.text_input(key="set_car_rule").value == "(?P<car>.)"
    assert app.multiselect(key="set_inverted_masks").value == ["samples"]
    assert app.query_params["inverted"] == "samples"
    app.text_input(key="set_car_rule").set_value("").run()
    app = app.switch_page("pages/dataset.py").run()
    assert app.text_input(key="rule_text").value == "" and "rule" not in app.query_params


def test_a_link_of_before_says_how_data_are_read(open_page: Open, samples: Path) -> None:
    app = open_page(PAGE, train_on="samples", inverted_masks="samples", car_rule="(?P<car>.)")
    assert "--inverted-masks samples" in app.code[0].value
    assert app.text_input(key="set_car_rule").value == "(?P<car>.)"


def test_start_puts_the_run_into_the_queue_and_watches_it(
    open_page: Open, samples: Path, runs: Path
) -> None:
    app = open_page(PAGE, train_on="samples", name="first", device="cpu")
    press(app, "start")
    assert not app.exception
    assert [entry.run for entry in Queue(runs).waiting()] == ["first"]
    assert app.query_params["run"] == "first"
    assert "first" in app.selectbox(key="run_choice").value
    press(app, "remove")
    assert not Queue(runs).waiting()


def test_a_run_to_start_from_is_in_the_list(open_page: Open, samples: Path, runs: Path) -> None:
    from tests.pages.untrained import write_checkpoint

    write_checkpoint(runs, "before")
    app = open_page(PAGE, part="New run", train_on="samples")
    app.selectbox(key="set_start_from").set_value(str(runs / "before")).run()
    assert not app.exception and not errors(app)
    assert f"--start-from {runs / 'before'}" in app.code[0].value
    assert "UNKNOWN" in texts(app)  # its run says nothing of the cars that it was trained on


def test_two_people_with_one_name(open_page: Open, samples: Path, runs: Path) -> None:
    one, other = (open_page(PAGE, part="New run", train_on="samples", name="same") for _ in "ab")
    press(one, "start")
    press(other, "start")
    assert "same already" in errors(other)
    assert other.text_input(key="run_name").value == "same"
    assert len(Queue(runs).waiting()) == 1


@pytest.mark.slow
def test_a_wrong_name_and_an_unwritable_folder_are_told(
    open_page: Open, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(PAGE, train_on="samples", name="a/b")
    press(app, "start")
    assert "folder name" in errors(app)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CARMASK_RUNS", str(tmp_path / "file"))
    app = open_page(PAGE, train_on="samples", name="fine", epochs="4")
    press(app, "start")
    assert "can't be written" in errors(app).replace("\\", "")
    assert app.number_input(key="set_epochs").value == 4


def write_run(runs: Path, name: str, status: str, message: str = "") -> Path:
    config = replace(TrainConfig(), data=("x",), epochs=4)
    with create_run(runs, name, config) as log:
        log.say("it began")
        for epoch in (1, 2):
            val = {"dice": 0.5 + epoch / 10, "iou": 0.4, "boundary_iou": 0.3}
            line = {"kind": "step", "epoch": epoch, "step": epoch * 5, "images": epoch * 40}
            log.append({**line, "loss": 0.5, "learning_rate": 0.002, "images_per_second": 7.5})
            log.append({**line, "kind": "epoch", "loss": 0.4, "seconds": epoch * 60.0, "val": val})
        log.write_state(RunState(status, 2, 4, 10, 80, message, 0.5))  # type: ignore[arg-type]
    return runs / name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "shown", "buttons"),
    [
        ("finished", "Finished", {"extend"}),
        ("stopped", "Stopped", {"resume", "extend"}),
        ("failed", "Failed", {"resume", "extend"}),
        ("running", "Crashed", {"resume", "extend"}),
    ],
)
def test_a_run_that_ended(
    open_page: Open, runs: Path, status: str, shown: str, buttons: set[str]
) -> None:
    write_run(runs, "one", status, "It met a tree.")
    app = open_page(PAGE, run="one")
    assert not app.exception
    assert f"{shown}" in texts(app)
    assert "It met a tree" in errors(app) + texts(app)
    assert {each.key for each in app.button} == buttons
    assert "UNKNOWN" in texts(app)  # it has figures and no split
    metrics = {each.label: each.value for each in app.metric}
    assert metrics["Dice"] == "0.7000" and metrics["Learning rate"] == "0.002"
    assert metrics["Images a second"] == "7.5"
    assert "it began" in app.code[0].value


def test_the_doctor_says_what_is_wrong(open_page: Open, runs: Path) -> None:
    write_run(runs, "well", "finished")
    assert "No problems found" in texts(open_page(PAGE, run="well"))
    folder = write_run(runs, "ill", "finished")
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "step", "epoch": 3, "step": 11, "loss": Infinity}\n')
    app = open_page(PAGE, run="ill")
    assert not app.exception
    (told,) = [each for each in app.markdown if "no number any more" in each.value]
    assert "from step 11 on" in told.value and "learning-rate 0.0002" in told.value.replace(
        "\\", ""
    )
    assert "NaN or infinite" in told.help


def test_a_running_run_can_be_stopped_only_where_it_runs(open_page: Open, runs: Path) -> None:
    folder = write_run(runs, "one", "running")
    from training.jobs.process import take_lock

    with take_lock(folder / "lock"):  # held by this very process
        app = open_page(PAGE)
        assert "Training" in texts(app), "a run under way is what one comes back for"
        press(app, "stop_run")
        assert "can't be told from here" in errors(app).replace("\\", "")
    assert os.getpid()


@pytest.mark.slow
def test_resume_and_extend_go_into_the_queue(open_page: Open, runs: Path) -> None:
    write_run(runs, "one", "stopped")
    press(open_page(PAGE, run="one"), "resume")
    (entry,) = Queue(runs).waiting()
    assert entry.arguments[:2] == ("fit", "--resume") and len(entry.arguments) == 3
    Queue(runs).remove("one")
    press(open_page(PAGE, run="one"), "extend")
    (entry,) = Queue(runs).waiting()
    assert entry.arguments[3:] == ("--epochs", "14")


def test_a_start_that_failed_before_there_was_a_run_says_why(open_page: Open, runs: Path) -> None:
    queue = Queue(runs)
    queue.add("lost", "cpu", ["fit"])
    queue.take("cpu")
    queue.done("lost", "No data there.")
    app = open_page(PAGE, run="lost")
    assert "No data there" in errors(app) and "Failed" in texts(app)


@pytest.mark.slow
def test_no_run_garbage_and_an_unknown_name(open_page: Open, runs: Path) -> None:
    assert "no run yet" in open_page(PAGE, part="Watch").info[0].value
    (runs / "odd").mkdir()
    (runs / "odd" / "state.json").write_text("[1, 2")
    (runs / "odd" / "metrics.jsonl").write_bytes(b"\xff\x00{")
    app = open_page(PAGE, run="odd")
    assert not app.exception and app.warning
    app = open_page(PAGE, run="../odd")
    assert not app.exception and "no run" in app.warning[0].value


@pytest.mark.slow
def test_a_measured_cost_is_shown_and_smaller_settings_are_proposed(
    open_page: Open, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = [None, None, Cost(failure="The trainer was killed: the machine ran out of memory.")]

    class Trial:
        def __init__(self, config: TrainConfig) -> None:
            self.config = config

        def start(self) -> None:
            pass

        def cost(self) -> Cost | None:
            return costs.pop(0)

    monkeypatch.setattr("dashboard.train.cost.Trial", Trial)
    app = open_page(PAGE, train_on="samples", batch="8", size="256")
    press(app, "measure")
    app.run()
    assert "out of memory" in errors(app)
    press(app, "smaller_0")
    assert app.number_input(key="set_batch").value == 4
    assert app.number_input(key="set_accumulate").value == 2
    costs.append(Cost(0.2, 2_500_000_000, 100))
    press(app, "measure")
    app.run()
    metrics = {each.label: each.value for each in app.metric}
    assert metrics == {"An epoch": "20 s", "Memory": "2.5 GB", "Images a second": "5.0"}


def test_extended_takes_other_limits_away() -> None:
    config = TrainConfig(epochs=0, minutes=2.0)
    run = RunSummary("x", Path("x"), status="finished", epoch=7)
    assert extended(config, run, 5) == {"epochs": 12, "minutes": 0.0}


def test_words() -> None:
    texts = ["4.2 s", "40 s", "12 min", "3 h 5 min", "2 d 4 h", "0.0 s"]
    assert [duration(s) for s in (4.25, 40, 720, 11100, 187_300, -5)] == texts
    assert (memory(820_000_000), memory(3_400_000_000)) == ("820 MB", "3.4 GB")
    assert json.dumps(duration(0)) == '"0.0 s"'


@pytest.mark.slow
def test_the_page_waits_for_no_heavy_library() -> None:
    script = (
        "import sys, dashboard.train.form, dashboard.train.watch;"
        "print({'torch', 'torchvision', 'albumentations'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGES, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
