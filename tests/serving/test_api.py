"""The API's answers: the command line's bytes, figures, batches, and what it says of itself."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pycocotools import mask as coco

from core.cli import main as command_line
from core.listing.recipe import presets
from tests.serving.running import Running, photo

SEGMENT, BATCH = "/api/v1/segment", "/api/v1/batch"


@pytest.fixture(scope="module")
def written(runs_of_module: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command line writes of `photo()`."""
    folder = tmp_path_factory.mktemp("written")
    (folder / "car.jpg").write_bytes(photo())
    arguments = ["segment", str(folder / "car.jpg"), "--out", str(folder), "--cutout"]
    assert command_line(arguments) == 0
    return folder


def test_a_mask_and_a_cutout_have_the_bytes_of_the_command_line(
    server: Running, written: Path
) -> None:
    for output in ("mask", "cutout"):
        answer = server.ask("POST", f"{SEGMENT}?output={output}", photo())
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        assert answer.body == (written / f"car_{output}.png").read_bytes()
        assert 0 <= float(answer.headers["x-carmask-share"]) <= 1
        assert answer.headers["x-carmask-checkpoint"] == "best"


def test_a_finished_picture_has_the_bytes_of_the_command_line(
    server: Running, tmp_path: Path
) -> None:
    (tmp_path / "car.jpg").write_bytes(photo())
    recipes = [each["name"] for each in server.ask("GET", "/api/v1/recipes").json["recipes"]]
    recipe = recipes[0]
    out = tmp_path / "out"
    status = command_line(
        ["cutout", str(tmp_path / "car.jpg"), "--out", str(out), "--recipe", recipe]
    )
    answer = server.form(f"{SEGMENT}?output=picture&recipe={recipe}", ("car.jpg", photo()))
    assert status == 0
    (made,) = [path for path in out.iterdir() if path.suffix in (".png", ".jpg", ".webp")]
    assert (answer.status, answer.body) == (200, made.read_bytes())
    assert answer.headers["content-type"].startswith("image/")


def test_a_recipe_of_ones_own(server: Running, tmp_path: Path) -> None:
    car, (name, recipe) = ("car.jpg", photo()), next(iter(presets().items()))
    other = recipe.to_bytes()
    picture = f"{SEGMENT}?output=picture"
    wanted = server.form(f"{picture}&recipe={name}", car)
    found = server.form(picture, car, ("recipe", other))
    assert (found.status, found.body) == (200, wanted.body)
    small = {"step": "output", "width": 640, "height": 480}
    changed = json.loads(other) | {"photos": {"car.jpg": {"steps": [small]}}}
    found = server.form(picture, car, ("recipe", json.dumps(changed).encode()))
    assert Image.open(io.BytesIO(found.body)).size == (640, 480)
    (tmp_path / "secret.png").write_bytes(photo())
    picture_step = {"step": "background", "kind": "picture"}
    picture_step["picture"] = str(tmp_path / "secret.png")
    leaking = json.loads(other) | {"photos": {"car.jpg": {"steps": [picture_step]}}}
    for text in (b"{", b"[]", b'{"version": 99}', json.dumps(leaking).encode()):
        refused = server.form(picture, car, ("recipe", text))
        assert refused.status == 422 and "recipe" in refused.json["detail"].lower()
    for url in (f"{picture}&recipe={name}", SEGMENT, f"{picture}&threshold=0.4", BATCH):
        assert server.form(url, car, ("recipe", other)).status == 422
    form = server.ask("GET", "/api/v1/openapi.json").json["paths"][SEGMENT]["post"]["requestBody"]
    assert "recipe" in form["content"]["multipart/form-data"]["schema"]["properties"]


def test_a_form_and_a_body_give_the_same(server: Running, written: Path) -> None:
    answer = server.form(f"{SEGMENT}?output=mask", ("car.jpg", photo()))
    assert answer.body == (written / "car_mask.png").read_bytes()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_figures_and_run_lengths(server: Running, written: Path) -> None:
    found = server.form(SEGMENT, ("car.jpg", photo())).json
    with (written / "results.csv").open(encoding="utf-8-sig") as file:
        (row,) = csv.DictReader(file)
    assert (found["name"], found["width"], found["height"]) == ("car.jpg", 120, 90)
    assert found["car_share"] == float(row["car_share"])
    assert found["uncertainty"] == float(row["doubt"])
    mask = np.array(Image.open(written / "car_mask.png")) > 0
    decoded = coco.decode({"size": found["mask"]["size"], "counts": found["mask"]["counts"]})
    assert np.array_equal(decoded.astype(bool), mask)


def test_settings_are_those_of_the_command_line(
    server: Running, runs_of_module: Path, tmp_path: Path
) -> None:
    (tmp_path / "car.jpg").write_bytes(photo())
    run = str(runs_of_module / "other")
    words = ["--checkpoint", run, "--threshold", "0.45", "--keep-largest", "--min-area", "0.01"]
    out = str(tmp_path / "out")
    assert command_line(["segment", str(tmp_path / "car.jpg"), "--out", out, *words]) == 0
    query = "checkpoint=other/best&threshold=0.45&keep_largest=true&min_area=0.01&output=mask"
    answer = server.ask("POST", f"{SEGMENT}?{query}", photo())
    assert answer.body == (tmp_path / "out" / "car_mask.png").read_bytes()


def test_a_batch_names_the_photo_that_is_none(server: Running) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in/car2.jpg", photo(seed=2))
    files = ("car.jpg", photo()), ("bad.jpg", b"no photo"), ("more.zip", archive.getvalue())
    found = server.form(BATCH, *files).json["photos"]
    assert [each["name"] for each in found] == ["car.jpg", "bad.jpg", "in/car2.jpg"]
    assert ["error" in each for each in found] == [False, True, False]


def test_a_batch_as_zip(server: Running, written: Path) -> None:
    files = ("car.jpg", photo()), ("bad.jpg", b"no photo")
    answer = server.form(f"{BATCH}?output=zip&cutout=true", *files)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.namelist() == ["car_mask.png", "car_cutout.png", "results.csv"]
        for name in archive.namelist()[:2]:
            assert archive.read(name) == (written / name).read_bytes()
        table = archive.read("results.csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [bool(row["error"]) for row in rows] == [False, True]


def test_the_list_of_checkpoints_has_the_best_first(server: Running) -> None:
    found = server.ask("GET", "/api/v1/checkpoints").json["checkpoints"]
    assert [each["name"] for each in found] == ["best/best", "other/best"]
    assert found[0]["split"] == "clean" and found[0]["dice"] == 0.9


def test_the_document_is_of_what_there_is(server: Running) -> None:
    found = server.ask("GET", "/api/v1/openapi.json").json
    assert found["openapi"].startswith("3.1")
    for path, item in found["paths"].items():
        for method in item:
            assert server.ask(method.upper(), path).status in (200, 400)
    page = server.ask("GET", "/api/v1/docs")
    assert (
        "<script" not in page.body.decode()
        and "default-src 'none'" in (page.headers["content-security-policy"])
    )
    assert server.ask("GET", "/").headers["location"] == "/api/v1/docs"


def test_figures_for_who_watches_over_the_server(server: Running) -> None:
    before = count_of(server, "carmask_requests_total", path=SEGMENT, status="200")
    server.ask("POST", SEGMENT, photo())
    assert count_of(server, "carmask_requests_total", path=SEGMENT, status="200") == before + 1
    assert count_of(server, "carmask_request_seconds_count", path=SEGMENT) > before
    assert count_of(server, "carmask_uncertainty_count") > 0
    assert server.ask("GET", "/healthz").status == server.ask("GET", "/readyz").status == 200


def count_of(server: Running, name: str, **labels: str) -> float:
    text = server.ask("GET", "/metrics").body.decode()
    samples = [s for each in text_string_to_metric_families(text) for s in each.samples]
    found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    return sum(found)


def test_the_log_holds_nothing_of_a_photo(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="carmask.serve")
    server.form(f"{SEGMENT}?checkpoint=secret-word", ("private-plate.jpg", photo()))
    (line,) = [each for each in caplog.records if each.message == "request"]
    assert line.fields["status"] == 404 and line.fields["path"] == SEGMENT  # type: ignore[attr-defined]
    assert "private" not in str(vars(line)) and "secret" not in str(vars(line))


@pytest.mark.slow
def test_the_api_alone_needs_no_streamlit() -> None:
    script = (
        "import sys\nfor name in ('streamlit', 'pandas', 'plotly', 'albumentations'):\n"
        "    sys.modules[name] = None\n"
        "from serving.server import create_app\nfrom serving.settings import ServeSettings\n"
        "print(type(create_app(ServeSettings(page=False))).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "Starlette", done.stderr
