"""Logs of others that were resumed, begun again, or validated at uncommon moments."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from training.runs.curve_shapes import line_of
from training.runs.curves import Curves
from training.runs.foreign.restarts import number_epochs
from training.runs.listing import list_runs, read_curves
from training.runs.summary import RunSummary, Scores

_CLOCK = count(1_767_322_800)

AFTER_FIT = """\
epoch,step,train_loss,val_loss,val_dice
0,9,,0.60,0.50
0,9,0.50,,
1,19,,0.50,0.58
1,19,0.40,,
1,20,,0.45,0.60
"""

FOUR_AN_EPOCH = """\
epoch,step,train_loss_step,val_dice
0,9,0.5,
0,9,,0.50
0,19,0.5,
0,19,,0.90
1,29,0.4,
1,29,,0.60
1,39,0.4,
1,39,,0.66
"""


def write_csv(folder: Path, text: str, name: str = "metrics.csv") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def write_events(
    folder: Path,
    points: list[tuple[str, float, int]],
    *,
    name: str | None = None,
    begun: float | None = None,
) -> Path:
    """Writes one event file as a writer does that is opened now.

    Args:
        folder: Its folder.
        points: Tag, value and step of each scalar.
        name: The file's name; None leaves the writer's own.
        begun: Time of the first value; None goes on where the last file ended.
    """
    writer_module = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    before = set(folder.iterdir()) if folder.is_dir() else set()
    writer = writer_module.EventFileWriter(str(folder))
    for number, (tag, value, step) in enumerate(points):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        time = next(_CLOCK) if begun is None else begun + number
        writer.add_event(Event(wall_time=time, step=step, summary=summary))
    writer.close()
    (path,) = set(folder.iterdir()) - before
    return path.rename(folder / name) if name else path


def epochs(first: int, last: int, dice: float, every: int = 1) -> list[tuple[str, float, int]]:
    """Returns what a script writes that counts epochs."""
    points = []
    for epoch in range(first, last + 1):
        points.append(("Loss/train", 1 - dice, epoch))
        if epoch % every == 0:
            points.append(("Dice/val", dice, epoch))
    return points


def dices(curves: Curves) -> dict[int, float]:
    known = curves.epochs.dropna(subset=["val_dice"])
    return dict(zip(known["epoch"], known["val_dice"].round(6), strict=True))


def only(folder: Path) -> RunSummary:
    (run,) = list_runs(folder.parent)
    return run


def test_a_validation_after_the_end_joins_the_last_epoch(tmp_path: Path) -> None:
    run = write_csv(tmp_path / "run", AFTER_FIT)
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.6}
    assert read_curves(run).epochs["loss"].to_list() == [0.5, 0.4]
    assert (only(run).last, only(run).best, only(run).remark) == (
        Scores(2, {"dice": 0.6}),
        Scores(2, {"dice": 0.6}),
        "",
    )


def test_several_validations_an_epoch_are_all_there(tmp_path: Path) -> None:
    run = write_csv(tmp_path / "run", FOUR_AN_EPOCH)
    curves = read_curves(run)
    assert curves.epochs["val_dice"].to_list() == [0.5, 0.9, 0.6, 0.66]
    assert curves.epochs["epoch"].to_list() == [1, 1, 2, 2]
    assert curves.steps["loss"].to_list() == [0.5, 0.5, 0.4, 0.4]
    assert line_of(curves, "val_dice", "epoch", steps=False).x.tolist() == [0.5, 1.0, 1.5, 2.0]
    assert (only(run).best, only(run).last) == (Scores(1, {"dice": 0.9}), Scores(2, {"dice": 0.66}))


def test_a_validation_before_the_training_has_a_row(tmp_path: Path) -> None:
    rows = "0,0,,0.1\n0,9,0.5,\n0,9,,0.5\n1,19,0.4,\n1,19,,0.6\n"
    write_csv(tmp_path, f"epoch,step,train_loss,val_dice\n{rows}")
    epochs = read_curves(tmp_path).epochs
    assert epochs["val_dice"].to_list() == [0.1, 0.5, 0.6]
    assert epochs["epoch"].to_list() == [1, 1, 2]
    assert epochs["loss"].to_list()[1:] == [0.5, 0.4]


def test_a_csv_that_is_resumed_inside_an_epoch(tmp_path: Path) -> None:
    rows = ["epoch,step,train_loss_step,train_loss_epoch,val_dice"]
    rows += ["0,4,0.9,,", "0,9,0.8,,", "0,9,,,0.5", "0,9,,0.85,", "1,14,0.7,,", "1,19,0.6,,"]
    rows += ["1,19,,,0.6", "2,24,0.5,,"]  # crashed; resumed from a state after step 12
    rows += ["1,14,0.71,,", "1,19,0.61,,", "1,19,,,0.7", "1,19,,0.65,", "2,24,0.51,,"]
    run = write_csv(tmp_path / "run", "\n".join(rows))
    curves = read_curves(run)
    assert dices(curves) == {1: 0.5, 2: 0.7}
    assert curves.steps["loss"].to_list() == [0.9, 0.8, 0.71, 0.61, 0.51]
    assert curves.epochs["loss"].to_list() == [0.85, 0.65]
    assert "4" in only(run).remark


def test_a_validation_in_a_trainer_of_its_own_moves_nothing(tmp_path: Path) -> None:
    run = write_csv(tmp_path / "run", AFTER_FIT + "0,0,,0.40,0.99\n")
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.6}
    assert only(run).best == Scores(2, {"dice": 0.6})
    assert only(run).remark


def test_a_lightning_log_without_epochs(tmp_path: Path) -> None:
    rows = ["step,train_loss,val_dice"]
    for step in range(49, 500, 50):
        rows.append(f"{step},{1 / step},")
        if step % 100 == 99 and step != 299:  # an epoch without validation
            rows.append(f"{step},,{step / 1000}")
    curves = read_curves(write_csv(tmp_path / "run", "\n".join(rows)))
    assert dices(curves) == {1: 0.099, 2: 0.199, 4: 0.399, 5: 0.499}
    assert curves.steps["epoch"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_keras_tells_its_training_figures_by_the_missing_side(tmp_path: Path) -> None:
    text = "epoch;dice_coef;loss;lr;val_dice_coef;val_loss\n0;0.9;0,3;1e-3;0.5;0,4\n"
    run = write_csv(tmp_path / "run", text + "1;0.95;0,2;1e-3;0.6;0,3\n", "training.csv")
    row = read_curves(run).epochs.iloc[-1]
    assert (row["epoch"], row["train_dice"], row["val_dice"]) == (2, 0.95, 0.6)
    assert (row["loss"], row["val_loss"], row["learning_rate"]) == (0.2, 0.3, 1e-3)
    assert (only(run).written_by, only(run).best) == ("csv", Scores(2, {"dice": 0.6}))


def test_ultralytics_results(tmp_path: Path) -> None:
    text = "      epoch,   time,  train/seg_loss,  metrics/mAP50(B),  val/seg_loss, lr/pg0\n"
    text += "          1,   10.5,          2.5,      0.7,   1.5, 0.01\n"
    text += "          2,   20.5,          2.1,      0.8,   1.4, 0.01\n"
    run = write_csv(tmp_path / "run", text, "results.csv")
    table = read_curves(run).epochs
    assert table["epoch"].to_list() == [1, 2]
    assert table["val_seg_loss"].to_list() == [1.5, 1.4]
    assert table["train_seg_loss"].to_list() == [2.5, 2.1]
    assert only(run).seconds == 20.5


def test_an_export_of_wandb(tmp_path: Path) -> None:
    text = '"Step","calm-sun-1 - val/dice","calm-sun-1 - val/dice__MIN","b-2 - val/dice"\n'
    text += '"100","0.5","0.1","0.9"\n"200","0.6","0.1","0.9"\n"400","0.7","0.1",""\n'
    run = write_csv(tmp_path / "run", text, "wandb_export_2026-01-02.csv")
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.6, 4: 0.7}
    assert only(run).remark  # of a second run's column


def test_of_several_step_counts_the_trainings_own_is_taken(tmp_path: Path) -> None:
    text = "_step,Epoch,epoch,trainer/global_step,val/dice\n7,1,9,100,0.5\n19,2,9,200,0.6\n"
    run = write_csv(tmp_path / "run", text, "history.csv")
    table = read_curves(run).epochs
    assert (table["step"].to_list(), table["epoch"].to_list()) == ([100, 200], [1, 2])
    assert not [name for name in table if "global" in name]


def test_rows_with_too_many_cells_are_counted(tmp_path: Path) -> None:
    run = write_csv(tmp_path / "run", AFTER_FIT + "2,29,0.4,0.4,0.7,0.8,0.9\n")
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.6}
    assert only(run).remark.startswith("1 of its 6 rows")


def test_a_resumed_training_counts_from_where_it_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(0, 8, 0.5))
    write_events(run, epochs(6, 10, 0.9))
    assert dices(read_curves(run)) == {n + 1: 0.5 if n < 6 else 0.9 for n in range(11)}
    assert only(run).remark


def test_abandoned_values_go_though_the_resumed_run_has_not_come_as_far(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(1, 8, 0.5, every=2))
    write_events(run, epochs(5, 7, 0.9, every=2))
    curves = read_curves(run)
    assert dices(curves) == {2: 0.5, 4: 0.5, 6: 0.9}
    assert curves.epochs["epoch"].to_list() == [1, 2, 3, 4, 5, 6, 7]


def test_a_shorter_second_run_is_the_one_that_counts(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(0, 9, 0.5))
    write_events(run, epochs(0, 3, 0.9))
    assert dices(read_curves(run)) == dict.fromkeys((1, 2, 3, 4), 0.9)
    assert only(run).last == Scores(4, {"dice": pytest.approx(0.9)})


def test_one_writer_for_two_trainings(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(0, 5, 0.5) + epochs(0, 2, 0.9))
    assert dices(read_curves(run)) == dict.fromkeys((1, 2, 3), 0.9)


def test_batches_and_epochs_have_clocks_of_their_own(tmp_path: Path) -> None:
    """Training counts batches, validation epochs, as many scripts have it."""

    def part(first: int, last: int, dice: float) -> list[tuple[str, float, int]]:
        points = []
        for epoch in range(first, last):
            points += [("Loss/train", 0.1, 20 * epoch + batch) for batch in range(20)]
            points.append(("Dice/val", dice, epoch))
        return points

    run = tmp_path / "run"
    write_events(run, part(0, 4, 0.5))
    write_events(run, part(3, 6, 0.9))
    curves = read_curves(run)
    assert dices(curves) == {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.9, 5: 0.9, 6: 0.9}
    assert curves.steps["step"].to_list() == list(range(120))
    assert curves.steps["epoch"].to_list() == [n // 20 + 1 for n in range(120)]
    assert curves.epochs["step"].to_list() == [19, 39, 59, 79, 99, 119]


def test_a_constant_that_each_session_writes_ends_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for first, last in ((0, 5), (5, 9)):  # as Lightning writes hp_metric
        write_events(run, [("hp_metric", -1, 0), *epochs(first, last, 0.5)])
    assert list(dices(read_curves(run))) == list(range(1, 11))


def test_writers_for_training_and_validation_beside_each_other(tmp_path: Path) -> None:
    run = tmp_path / "run"
    for begun, (first, last, dice) in ((0, (0, 6, 0.5)), (1000, (4, 5, 0.9))):
        points = epochs(first, last, dice)
        for tag in ("Loss/train", "Dice/val"):
            write_events(run, [each for each in points if each[0] == tag], begun=1e9 + begun)
    curves = read_curves(run)
    assert dices(curves) == {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5, 5: 0.9, 6: 0.9}
    assert len(curves.epochs) == 6


def test_the_order_of_writing_is_not_the_order_of_names(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(0, 8, 0.5), name="events.out.tfevents.17.vm.9361.9")
    write_events(run, epochs(6, 7, 0.9), name="events.out.tfevents.17.vm.9361.10")
    assert dices(read_curves(run))[7] == 0.9
    write_events(tmp_path / "clockless", epochs(0, 8, 0.5), begun=1.0)
    write_events(tmp_path / "clockless", epochs(6, 7, 0.9), begun=1.0)
    assert dices(read_curves(tmp_path / "clockless"))[7] == 0.9


def test_a_damaged_event_file_leaves_the_others(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(0, 3, 0.5))
    (run / "events.out.tfevents.9.x").mkdir()
    write_events(run, epochs(4, 5, 0.6))
    (run / "events.out.tfevents.99.x").write_bytes(b"\x00" * 99)
    assert list(dices(read_curves(run))) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("first", [0, 1])
def test_epochs_without_validation_have_their_number(tmp_path: Path, first: int) -> None:
    run = tmp_path / "run"
    points = epochs(first, first + 9, 0.5)
    skipped = {("Dice/val", first + 3), ("Dice/val", first + 6)}
    write_events(run, [each for each in points if (each[0], each[2]) not in skipped])
    assert list(dices(read_curves(run))) == [1, 2, 3, 5, 6, 8, 9, 10]
    assert (only(run).epoch, only(run).last) == (10, Scores(10, {"dice": 0.5}))
    assert only(run).remark


def test_a_validation_every_fifth_epoch(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_events(run, epochs(1, 20, 0.5, every=5))
    assert list(dices(read_curves(run))) == [5, 10, 15, 20]
    assert only(run).remark  # it may as well have been 5 batches


def test_a_log_that_begins_in_the_middle(tmp_path: Path) -> None:
    write_events(tmp_path, epochs(6, 9, 0.5))
    assert list(dices(read_curves(tmp_path))) == [6, 7, 8, 9]


def test_keras_folders_say_the_side(tmp_path: Path) -> None:
    for side, loss in (("train", 0.1), ("validation", 0.4)):
        write_events(tmp_path / "fit" / side, [("epoch_loss", loss, n) for n in range(3)])
    assert read_curves(tmp_path / "fit" / "train").epochs["loss"].iloc[0] == pytest.approx(0.1)
    table = read_curves(tmp_path / "fit" / "validation").epochs
    assert table["val_loss"].iloc[0] == pytest.approx(0.4)
    assert table["loss"].isna().all()


def test_logs_inside_a_log_are_listed_beside_it(tmp_path: Path) -> None:
    for name in ("a", "a/seed_1", "a/seed_2/version_0", "b/c/d"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        write_csv(tmp_path / name, AFTER_FIT)
    assert {run.name for run in list_runs(tmp_path)} == {
        "a",
        "a/seed_1",
        "a/seed_2/version_0",
        "b/c/d",
    }


def test_a_text_log_that_a_second_run_was_appended_to(tmp_path: Path) -> None:
    def lines(last: int, dice: float) -> str:
        return "".join(f"Epoch {n}: loss 0.1, val dice {dice}\n" for n in range(1, last + 1))

    run = tmp_path / "run"
    write_csv(run, lines(5, 0.5) + "Best epoch 3: val dice 0.55\n", "train.log")
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.5, 3: 0.55, 4: 0.5, 5: 0.5}
    write_csv(run, lines(5, 0.5) + lines(2, 0.9), "train.log")
    assert dices(read_curves(run)) == {1: 0.9, 2: 0.9}
    assert only(run).remark


@pytest.mark.parametrize(
    ("ends", "epochs_found"),
    [
        ([100, 200, 300, 500], [1, 2, 3, 5]),
        ([99, 199, 299, 499], [1, 2, 3, 5]),
        ([10, 20, 30, 40, 50, 51], [1, 2, 3, 4, 5, 5]),
        ([10, 25, 31, 50], [1, 2, 3, 4]),
        ([5100, 10_200], [1, 2]),
        ([5100, 5101], [1, 1]),
        ([], []),
    ],
)
def test_epochs_by_their_length(ends: list[int], epochs_found: list[int]) -> None:
    found, inside = number_epochs(ends, [1, 60])
    assert found == epochs_found
    assert len(inside) == 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_no_table_stops_the_list(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = ["epoch", "step", "val_dice", "loss", "0", "1", "-5", "1e400", "nan", "", '"', "\0"]
    cells += ["x", "9" * 30, "0.5", "\ud800", ";", "\r"]
    lines = [",".join(rng.choice(cells, rng.integers(1, 6))) for _ in range(12)]
    for name in ("metrics.csv", "log.csv", "log.txt"):
        (tmp_path / f"of_{name}").mkdir()
        text = "\n".join(["epoch,step,val_dice", *lines])
        (tmp_path / f"of_{name}" / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for run in list_runs(tmp_path):
        try:
            read_curves(run.folder)
        except RunError:
            assert run.error


def test_lightnings_event_files_of_a_resumed_training(tmp_path: Path) -> None:
    def session(first: int, last: int, dice: float) -> list[tuple[str, float, int]]:
        points: list[tuple[str, float, int]] = [("hp_metric", -1, 0)]
        for epoch in range(first, last):
            for step in range(10 * epoch + 4, 10 * epoch + 10, 5):
                points += [("train_loss_step", 0.1, step), ("epoch", epoch, step)]
            step = 10 * epoch + 9
            points += [("val_dice", dice, step), ("epoch", epoch, step)]
            points += [("train_loss_epoch", 0.1, step), ("epoch", epoch, step)]
        return points

    run = tmp_path / "run"
    write_events(run, [*session(0, 4, 0.5), ("val_dice", 0.51, 40), ("epoch", 3, 40)])
    assert dices(read_curves(run)) == {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.51}
    write_events(run, session(2, 4, 0.9))
    write_events(run, [("hp_metric", -1, 0), ("val_dice", 0.99, 0), ("epoch", 0, 0)])
    curves = read_curves(run)
    assert dices(curves) == {1: 0.5, 2: 0.5, 3: 0.9, 4: 0.9}
    assert curves.steps.dropna(subset=["loss"])["epoch"].to_list() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len(only(run).remark.split("validation")) == 2


def test_validations_alone(tmp_path: Path) -> None:
    for name, extra, expected in (
        ("aside", [0], {100: 0.5, 200: 0.5, 300: 0.5}),
        ("resumed", [200], {100: 0.5, 200: 0.9}),
        ("anew", [100, 200], {100: 0.9, 200: 0.9}),
    ):
        run = tmp_path / name
        write_events(run, [("Dice/val", 0.5, step) for step in (100, 200, 300)])
        write_events(run, [("Dice/val", 0.9, step) for step in extra])
        table = read_curves(run).epochs
        assert dict(zip(table["step"], table["val_dice"].round(6), strict=True)) == expected
        rows = [f"{step},0.5" for step in (100, 200, 300)] + [f"{step},0.9" for step in extra]
        folder = write_csv(tmp_path / f"{name}_csv", "\n".join(["step,val_dice", *rows]))
        table = read_curves(folder).epochs
        assert dict(zip(table["step"] - 1, table["val_dice"], strict=True)) == expected
