from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.runs.curves_view import curves_csv, curves_html
from dashboard.ui.badges import STATUSES
from dashboard.ui.text import plain
from tests.pages.untrained import write_checkpoint
from tests.training.run_folders import CONFIG, epoch_line, step_line, text_of, write_run
from training.config import TrainConfig
from training.runs.listing import list_runs
from training.runs.notes import change_notes, read_notes
from training.runs.runlog import RunLog
from training.runs.summary import ALIVE, CHANGING, Status

Open = Callable[..., AppTest]
RUNS = "pages/runs.py"
LEAK = "LEAKY: 1 of 2 validation cars are also in train"


@pytest.fixture
def opened(open_page: Open) -> Open:
    def run(**query: Any) -> AppTest:
        app = open_page(RUNS, **query)
        assert not app.exception
        return app

    return run


@pytest.fixture
def three(runs: Path) -> Path:
    """Runs that started one after the other: a, b, and leaky, which has the best Dice."""
    for hour, (name, dices) in enumerate(
        {"a": (0.8, 0.9), "b": (0.7, 0.85, 0.8), "leaky": (0.99,)}.items()
    ):
        folder = write_run(runs / name, dices=dices)
        (folder / "log.txt").write_text(f"2026-01-02T0{hour}:00:00+00:00 begun\n")
    change(runs / "b" / "config.json", seed=8)
    change(runs / "leaky" / "config.json", split_by="random")
    change(runs / "leaky" / "split.json", verdict=LEAK)
    return runs


@pytest.fixture
def trained(runs: Path) -> Iterator[Path]:
    """A run that is being trained, by this very process."""
    folder = write_run(runs / "live", status="running", dices=(0.5, 0.6))
    with RunLog(folder, TrainConfig()):
        yield folder


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def table(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def names(app: AppTest) -> list[str]:
    return list(table(app)["Name"])


def words(app: AppTest) -> str:
    kinds = ("markdown", "caption", "error", "warning", "info", "title", "subheader")
    return "\n".join(str(each.value) for kind in kinds for each in app.get(kind))


def figures(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(each.proto.spec) for each in app.get("plotly_chart")]


def curves(app: AppTest, place: int = 0) -> list[str]:
    """Returns the names in one figure, without mark-up."""
    traces = figures(app)[place]["data"]
    return [trace["name"].partition(" <b")[0] for trace in traces if "name" in trace]


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    app = app.run()
    assert not app.exception
    return app


def write_probes(run: Path, epochs: int) -> None:
    folder = run / "probes"
    folder.mkdir()
    probe = {"number": 1, "name": "car_01", "source": "cars", "car": "car"}
    (folder / "probes.json").write_text(json.dumps({"longest_side": 256, "probes": [probe]}))
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(folder / "1.jpg")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 10:40] = 255
    Image.fromarray(mask).save(folder / "1_truth.png")
    for epoch in range(1, epochs + 1):
        (folder / f"epoch_{epoch:04}").mkdir()
        Image.fromarray(mask).save(folder / f"epoch_{epoch:04}" / "1.png")


def test_without_runs_the_page_says_what_to_type(opened: Open, runs: Path) -> None:
    for _ in range(2):
        app = opened()
        assert "python -m training fit" in app.code[0].value
        assert not app.dataframe
        if runs.exists():
            runs.rmdir()


def test_one_run(opened: Open, runs: Path) -> None:
    write_run(runs / "only", dices=(0.8, 0.9))
    app = opened()
    (row,) = table(app).to_dict("records")
    assert row["Name"] == "only"
    assert row["Status"] == "finished"
    assert row["Epochs"] == "2 of 3"
    assert (row["Dice"], row["Best epoch"], row["Last Dice"]) == (0.9, 2, 0.9)
    assert row["Duration"] == 12.0
    assert row["Data"] == "carvana512, synthetic"
    assert row["Seed"] == 7
    assert "**1** run · **1** chosen" in words(app)
    assert curves(app) == ["only"]
    app = press(app, "open_run")
    assert app.query_params["run"] == "only"
    assert app.title[0].value == "only"


@pytest.mark.slow
def test_the_newest_stands_first_and_every_order_is_in_the_url(opened: Open, three: Path) -> None:
    assert names(opened()) == ["leaky", "b", "a"]
    assert names(opened(order="Dice")) == ["a", "b", "leaky"]
    assert names(opened(order="Dice", backwards="true")) == ["b", "a", "leaky"]
    assert names(opened(order="Name")) == ["a", "b", "leaky"]
    write_run(three / "unmeasured", dices=())
    for backwards in ("true", "false"):
        last = names(opened(order="Dice", backwards=backwards))[-2:]
        assert set(last) == {"unmeasured", "leaky"}, "neither has a figure to be sorted by"


@pytest.mark.slow
def test_the_list_is_filtered_by_the_url(opened: Open, three: Path) -> None:
    change(three / "b" / "state.json", status="failed", message="Out of memory.")
    change_notes(three / "a", tags=("baseline",), notes="first try")
    assert names(opened(status="failed")) == ["b"]
    assert names(opened(tag="baseline")) == ["a"]
    assert names(opened(find="FIRST try")) == ["a"]
    assert names(opened(find="leaky")) == ["leaky"]
    app = opened(find="nothing like that")
    assert not [each for each in app.dataframe if "Name" in each.value]
    assert "take one away" in words(app)


@pytest.mark.slow
def test_an_archived_run_leaves_the_list_and_comes_back(opened: Open, three: Path) -> None:
    app = press(opened(show="a"), "archive")
    assert names(app) == ["leaky", "b"]
    assert read_notes(three / "a").archived
    app = opened(archived="true", show="a")
    assert names(app) == ["leaky", "b", "a"]
    press(app, "archive")
    assert names(opened()) == ["leaky", "b", "a"]


def test_numbers_of_a_leaky_run_say_so_wherever_they_stand(opened: Open, three: Path) -> None:
    app = opened(show=["leaky", "a"])
    rows = table(app).set_index("Name")
    assert list(rows["Split"]) == ["LEAKY", "By car", "By car"]
    assert "color" in app.dataframe[0].proto.arrow_data.styler.styles
    traces = figures(app)[0]["data"]
    assert ["LEAKY" in trace["name"] for trace in traces] == [True, False]
    assert "LEAKY" in words(opened(run="leaky"))


def test_a_run_without_a_split_is_marked_wherever_its_numbers_stand(
    opened: Open, three: Path
) -> None:
    (three / "b" / "split.json").unlink()
    app = opened(show=["b", "a"])
    rows = table(app).set_index("Name")
    assert list(rows["Split"]) == ["LEAKY", "UNKNOWN", "By car"]
    assert ["UNKNOWN" in trace["name"] for trace in figures(app)[0]["data"]] == [True, False]
    assert "UNKNOWN" in words(opened(run="b"))
    # A run that has nothing yet has nothing to distrust.
    (three / "new").mkdir()
    (three / "new" / "state.json").write_text('{"status": "stopped"}')
    assert list(table(opened(find="new"))["Split"]) == [""]


def test_every_status_has_its_colour() -> None:
    assert set(STATUSES) == set(get_args(Status)) - {"unknown"}
    assert {*ALIVE, *CHANGING} <= set(get_args(Status))


@pytest.mark.slow
def test_chosen_runs_are_drawn_in_the_order_of_their_choice(opened: Open, three: Path) -> None:
    assert curves(opened()) == ["leaky", "b", "a"], "the newest, before anybody chose"
    app = opened(show=["a", "b"])
    assert curves(app) == ["a", "b"]
    assert app.session_state[app.dataframe[0].key]["selection"]["rows"] == [1, 2]
    app = press(app, "none")
    assert not app.get("plotly_chart")
    assert app.query_params["show"] in ([""], "")
    app = opened(show=["gone", "b"], find="leaky")
    assert curves(app) == ["b"], "also where a filter hides it"
    assert "1 not in this list" in words(app)


@pytest.mark.slow
def test_axis_measure_scale_and_smoothing_are_in_the_url(opened: Open, three: Path) -> None:
    app = opened(show="b", measure=["boundary_iou", "loss"], over="Images seen", log="true")
    first, second = figures(app)
    assert first["layout"]["xaxis"]["title"]["text"] == "Images seen"
    assert first["layout"]["yaxis"]["type"] == "log"
    assert second["layout"]["hovermode"] == "x unified"
    app = opened(show="b", measure="dice", smooth="0.95")
    measured, mean = figures(app)[0]["data"]
    assert measured["opacity"] < 0.6
    assert mean["hoverinfo"] == "skip", "what the pointer shows is measured"
    assert measured["y"] != mean["y"]
    app.multiselect(key="measures").set_value(["iou"])
    app = app.run()
    assert app.query_params["measure"] in (["iou"], "iou")
    assert len(figures(app)) == 1


def test_over_time_of_day_a_run_without_times_says_so(opened: Open, three: Path) -> None:
    app = opened(show="a", over="Time of day")
    assert not app.get("plotly_chart")
    assert "Not measured over time of day" in words(app)


@pytest.mark.slow
def test_seeds_of_one_configuration_become_a_band(opened: Open, three: Path) -> None:
    app = opened(show=["a", "b", "leaky"], seeds="true")
    traces = figures(app)[0]["data"]
    assert [trace.get("fill") for trace in traces].count("tonexty") == 1
    assert any("2 seeds" in name for name in curves(app))
    assert "n = 2" in traces[2]["customdata"][0]
    assert not [t for t in app.toggle if t.key == "seeds" and not t.value]
    assert "seeds" not in [each.key for each in opened(show=["a", "leaky"]).toggle]


def test_settings_that_differ_alone_are_listed(opened: Open, three: Path) -> None:
    app = opened(show=["a", "b"])
    found = app.dataframe[1].value
    assert list(found["Setting"]) == ["seed"]
    assert list(found[["a", "b"]].iloc[0]) == ["7", "8"]


@pytest.mark.slow
def test_a_broken_run_and_garbage_harm_no_other(opened: Open, three: Path) -> None:
    (three / "broken").mkdir()
    for name in ("config.json", "state.json", "metrics.jsonl"):
        (three / "broken" / name).write_text("{no")
    (three / "garbage").mkdir()
    (three / "garbage" / "x.bin").write_bytes(b"\0")
    app = opened(show=["broken", "a"])
    assert set(names(app)) == {"leaky", "b", "a", "broken"}
    assert app.expander[0].label == "2 folders can't be read in full"
    assert curves(app) == ["a"]
    assert "can't be read" in words(opened(run="broken"))
    for part in ("Probes", "Checkpoints", "Settings", "Log"):
        opened(run="broken", part=part)


@pytest.mark.slow
def test_logs_of_other_programs_stand_in_the_list(opened: Open, runs: Path) -> None:
    (runs / "lit").mkdir()
    (runs / "lit" / "metrics.csv").write_text(
        "epoch,step,train_loss,val_dice\n0,1,0.5,\n0,1,,0.8\n1,2,0.4,\n1,2,,0.9\n"
    )
    app = opened(measure=["dice", "loss"])
    (row,) = table(app).to_dict("records")
    assert row["Dice"] == pytest.approx(0.9)
    assert row["Note"] == "lightning log"
    assert len(figures(app)) == 2
    app = opened(run="lit")
    assert "delete its folder by hand" in words(app)
    assert "delete_for_good" not in [each.key for each in app.button]


def test_a_run_being_trained_is_watched_and_can_not_be_deleted(opened: Open, trained: Path) -> None:
    app = opened()
    assert table(app)["Status"][0] == "running"
    assert "is running, epoch 2 of 3" in words(app)
    assert "updated" in words(app)
    assert "stop it first" in words(app)
    assert "delete_for_good" not in [each.key for each in app.button]
    with (trained / "metrics.jsonl").open("a") as file:
        file.write(text_of([epoch_line(3, 0.7)]))
    app = app.run()
    assert table(app)["Dice"][0] == 0.7
    assert figures(app)[0]["data"][0]["x"] is not None


@pytest.mark.slow
def test_a_crashed_run_says_why(opened: Open, runs: Path) -> None:
    folder = write_run(runs / "dead", status="running")
    (folder / "lock").touch()
    app = opened()
    assert table(app)["Status"][0] == "crashed"
    app = opened(run="dead")
    assert "ended without saying why" in app.error[0].value
    assert "begun" in opened(run="dead", part="Log").code[0].value


@pytest.mark.slow
def test_a_run_is_named_tagged_and_noted(opened: Open, three: Path) -> None:
    app = opened(run="a")
    app.text_input(key="edit_title_a").set_value("Baseline *1*")
    app = app.run()
    app.text_area(key="edit_notes_a").set_value("line one\nline two")
    app = app.run()
    app.multiselect(key="edit_tags_a").set_value(["good"])
    app = app.run()
    assert not app.exception
    notes = read_notes(three / "a")
    assert (notes.title, notes.notes, notes.tags) == (
        "Baseline *1*", "line one\nline two", ("good",)
    )  # fmt: skip
    assert "Baseline *1*" in names(opened(tag="good"))
    assert opened(run="a").query_params["run"] in (["a"], "a"), "the folder keeps its name"


@pytest.mark.slow
def test_many_runs_get_a_tag_at_once(opened: Open, three: Path) -> None:
    change_notes(three / "leaky", tags=("pair",))
    app = opened(show=["a", "b"])
    app.selectbox(key="tag_for_all").set_value("pair")
    app = press(app.run(), "tag_add")
    assert read_notes(three / "a").tags == read_notes(three / "b").tags == ("pair",)
    app.selectbox(key="tag_for_all").set_value("pair")
    press(app.run(), "tag_take_away")
    assert [read_notes(three / name).tags for name in ("a", "b", "leaky")] == [(), (), ("pair",)]


@pytest.mark.slow
def test_runs_are_deleted_after_a_second_press(opened: Open, three: Path) -> None:
    app = opened(show=["a", "b"])
    assert "cannot be undone" in words(app)
    app = press(app, "delete_for_good")
    assert names(app) == ["leaky"]
    assert not (three / "a").exists()
    app = press(opened(run="leaky"), "delete_for_good")
    assert "run" not in app.query_params
    assert "python -m training fit" in app.code[0].value


def test_a_run_that_ships_is_deleted_with_a_warning(opened: Open, runs: Path) -> None:
    write_run(runs / "carmask-512")
    assert "Archive it instead" in words(opened(show="carmask-512"))


@pytest.mark.slow
def test_a_run_that_is_not_there_is_no_traceback(opened: Open, three: Path) -> None:
    for name in ("nobody", "../a", "a/checkpoints"):
        app = opened(run=name)
        assert "There is no run" in app.warning[0].value
        assert len(names(app)) == 3


@pytest.mark.slow
def test_one_run_whole(opened: Open, runs: Path) -> None:
    folder = write_run(runs / "one", dices=(0.9, 0.8))
    write_checkpoint(runs, "one", dice=0.9)
    write_probes(folder, 3)
    app = opened(run="one")
    assert {each.label: each.value for each in app.metric} == {
        "Dice": "0.9000",
        "IoU": "0.8000",
        "Boundary IoU": "0.7000",
        "Boundary IoU, 3 px": "0.6000",
    }
    assert "Best at epoch 1" in words(app).replace("\\", "")
    assert curves(app) == ["one"]
    app = opened(run="one", part="Settings")
    settings = dict(
        zip(app.dataframe[0].value["Setting"], app.dataframe[0].value["Value"], strict=True)
    )
    assert settings["epochs"] == str(CONFIG["epochs"])
    assert "GPU" in list(app.dataframe[1].value["Value"])
    app = opened(run="one", part="Checkpoints")
    assert list(app.dataframe[0].value["Name"]) == ["best"]
    links = {each.proto.label: each.proto.query_string for each in app.get("page_link")}
    assert links["Segment with best"] == "checkpoint=one%2Fbest"
    files = {each.proto.label: each.proto.disabled for each in app.get("download_button")}
    assert files["ONNX of best"] is False
    app = opened(run="one", part="Probes")
    assert app.select_slider(key="at_choice").value == 3, "the newest"
    app = opened(run="one", part="Probes", at="2", probe_look="Errors")
    assert app.select_slider(key="at_choice").value == 2
    (tiles,) = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    assert tiles["label"] == "Probes after epoch 2"
    assert tiles["tiles"][0]["src"]
    app = press(app, "back")
    assert names(app) == ["one"]
    assert not {"run", "part", "at"} & set(app.query_params)


def test_a_run_has_its_doctor(opened: Open, three: Path) -> None:
    leaky = opened(run="leaky")
    assert "The split leaks, so every figure flatters" in words(leaky)
    assert "No problems found" not in words(leaky)
    assert "No problems found" in words(opened(run="a"))


def test_a_damaged_probe_says_so(opened: Open, runs: Path) -> None:
    folder = write_run(runs / "one")
    write_probes(folder, 1)
    (folder / "probes" / "epoch_0001" / "1.png").write_bytes(b"no picture")
    app = opened(run="one", part="Probes")
    (tiles,) = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    assert "can't be read" in tiles["tiles"][0]["caption"]


def test_files_to_keep_hold_what_was_measured(runs: Path) -> None:
    from dashboard.runs.curves_view import Drawn, series_of
    from dashboard.runs.listed import listed_runs
    from dashboard.runs.plot import PlotChoice
    from training.runs.listing import read_curves

    write_run(runs / "one", dices=(0.8, 0.9))
    change(runs / "one" / "split.json", verdict=LEAK)
    (run,) = listed_runs()
    known = read_curves(run.summary.folder)
    text = curves_csv([(run, known)]).decode()
    head, *lines = text.splitlines()
    assert head.startswith("run,kind,leaky,epoch,step,images")
    assert len(lines) == 3
    assert all("True" in line for line in lines)
    assert "0.9" in lines[-1]
    choice = PlotChoice(("dice",), smoothing=0.9)
    series = {"dice": series_of([[Drawn(run, known)]], "dice", choice)}
    page = curves_html(series, choice).decode()
    assert "<script src=" not in page, "it needs no network"
    assert "Plotly.newPlot" in page
    assert "LEAKY" in page


def test_a_run_without_any_figure_yet(opened: Open, runs: Path) -> None:
    folder = write_run(runs / "new", dices=())
    (folder / "metrics.jsonl").write_text("")
    app = opened(show="new")
    assert "Nothing was measured yet" in words(app)
    (folder / "metrics.jsonl").write_text(text_of([step_line(1)]))
    assert figures(app.run())


@pytest.mark.slow
def test_what_was_left_out_of_a_foreign_log_is_told(opened: Open, runs: Path) -> None:
    (runs / "theirs").mkdir()
    rows = ["epoch,step,val_dice", "0,9,0.5", "1,19,0.6", "2,29,0.7", "1,19,0.8"]
    (runs / "theirs" / "metrics.csv").write_text("\n".join([*rows, "2,29,0.9"]))
    (run,) = list_runs(runs)
    assert run.remark
    for query in ({"show": "theirs"}, {"run": "theirs"}):
        assert plain(run.remark) in words(opened(**query))
