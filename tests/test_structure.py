"""Holds the design's import rule and its bans."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("core", "training", "dashboard", "pages")
ALLOWED = {
    "core": {"core"},
    "training": {"training", "core"},
    "dashboard": {"dashboard", "training", "core"},
    "pages": {"dashboard", "training", "core"},
    "streamlit_app.py": {"dashboard", "training", "core"},
}
TORCH_FREE = ["architecture", "archive", "checkpoint", "decode", "drawing", "edges", "errors"]
TORCH_FREE += [
    "files",
    "image",
    "masks",
    "metrics",
    "modes",
    "names",
    "photos",
    "places",
    "preprocess",
    "results",
]
TORCH_FREE += ["mask_classes", "mask_values", "silhouette", "truth"]


def sources() -> list[Path]:
    found = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    return sorted([*found, ROOT / "streamlit_app.py"])


def imports(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            names.add(node.module or "")
    return names


def room(path: Path) -> str:
    place = path.relative_to(ROOT).as_posix()
    return max((rule for rule in ALLOWED if place.startswith(rule)), key=len)


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@pytest.mark.slow
@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_import_rule(path: Path) -> None:
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.split(".")[0] in OURS:
            assert within(name, ALLOWED[room(path)]), f"{path} must not import {name}"
        if room(path) in ("core", "training"):
            assert name.split(".")[0] != "streamlit", f"{path} must not import streamlit"


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_pages_import_never_waits_for_torch(module: str) -> None:
    tree = ast.parse((ROOT / "core" / f"{module}.py").read_text(encoding="utf-8"))
    top = ast.Module([node for node in tree.body if not isinstance(node, ast.If)], [])
    functions = [node for node in ast.walk(top) if isinstance(node, ast.FunctionDef)]
    inner = set().union(*(imports(function) for function in functions))
    for name in imports(top) - inner:
        assert name.split(".")[0] not in ("torch", "torchvision", "albumentations")
        assert name not in ("core.model", "core.predict", "core.device", "core.segment")


@pytest.mark.slow
def test_only_augment_knows_albumentations() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if within_any(imports(ast.parse(path.read_text(encoding="utf-8"))), "albumentations")
    }
    assert users and all(user.startswith("training/augment/") for user in users)


@pytest.mark.slow
def test_only_the_engine_knows_optimiser_and_loss() -> None:
    inner = ("torch.optim", "training.engine.optimizer", "training.engine.loss")
    users = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if any(within_any(imports(ast.parse(path.read_text())), name) for name in inner)
    }
    assert users and all(user.startswith("training/engine/") for user in users)


@pytest.mark.slow
def test_only_one_module_knows_torch_distributed() -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if within_any(imports(ast.parse(path.read_text())), "torch.distributed")
    }
    assert users == {"training/engine/distributed.py"}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["training.config", "training.augment.recipe"])
def test_recipes_as_data_wait_for_no_heavy_library(module: str) -> None:
    heavy = "albumentations", "torch"
    script = f"import sys, {module}; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def within_any(names: set[str], package: str) -> bool:
    return any(within(name, {package}) for name in names)


def test_no_room_for_leftovers() -> None:
    banned = {"utils.py", "helpers.py", "common.py", "constants.py"}
    assert not [path for path in sources() if path.name in banned]


def test_one_module_knows_where_everything_lies() -> None:
    climbers = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if "__file__).resolve()" in path.read_text(encoding="utf-8")
    }
    assert climbers == {"core/places.py"}
