"""Holds the design's import rule and its bans."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("core", "training", "dashboard", "pages", "serving")
ALLOWED = {
    "core": {"core"},
    "training": {"training", "core"},
    "serving": {"serving", "core"},
    "serving/page.py": {"serving", "core", "dashboard"},
    "dashboard": {"dashboard", "training", "core"},
    "pages": {"dashboard", "training", "core"},
    "streamlit_app.py": {"dashboard", "training", "core"},
}
PAGES = ("dashboard/", "pages/", "streamlit_app.py")
WITH_STREAMLIT = (*PAGES, "serving/page.py")
LONGEST = 400
"""Lines of a module."""
THREADS = {"Thread", "ThreadPoolExecutor", "ProcessPoolExecutor", "Process", "Popen"}
STATISTICS = {"average", "corr", "cov", "groupby", "histogram", "mean", "median", "percentile"}
STATISTICS |= {"polyfit", "quantile", "std", "var"}
WRITES = {"mkdir", "rename", "rmtree", "touch", "unlink", "write_bytes", "write_text"}
WRITES |= {"mkdtemp", "mkstemp", "write_bytes_atomically", "NamedTemporaryFile", "TemporaryFile"}

DOORS = {"change_notes", "delete_run", "resume_run", "save_draft", "save_threshold"}
DOORS |= {
    "start_augment",
    "start_evaluation",
    "start_run",
    "start_teaching",
    "stop_augment",
    "stop_evaluation",
}
DOORS |= {"stop_run", "wake", "write_bytes_atomically", "Trial"}
"""What starts, stops, deletes or writes for a page: never on a public server."""

# Modules that break a rule still. A list only ever gets shorter: whoever mends a module takes it
# off, and no module is added.
STARTS_A_THREAD = {
    "dashboard/compare/images_predictions.py",
    "dashboard/dataset/pictures.py",
}
WRITES_FILES = {
    "dashboard/compare/pick.py",
    "dashboard/dataset/own_recipes.py",
}
HOLDS_A_FORMULA = {
    "dashboard/compare/cost_view.py",
    "dashboard/compare/images.py",
    "dashboard/dataset/browse.py",
    "dashboard/dataset/figures.py",
    "dashboard/dataset/network_view.py",
    "dashboard/dataset/overview.py",
    "dashboard/dataset/plots.py",
    "dashboard/dataset/split_choice.py",
    "dashboard/runs/probes_view.py",
}
TOO_LONG: set[str] = set()
TORCH_FREE = ["alpha", "architecture", "archive", "checkpoint", "cutout", "decode", "drawing"]
TORCH_FREE += [
    "edges",
    "errors",
    "files",
    "foreground",
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
TORCH_FREE += ["colour_models", "tiles", "mask_classes", "mask_values", "silhouette", "truth"]


def sources() -> list[Path]:
    found = [path for folder in OURS for path in (ROOT / folder).rglob("*.py")]
    return sorted([*found, ROOT / "streamlit_app.py"])


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


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
@pytest.mark.parametrize("path", sources(), ids=relative)
def test_import_rule(path: Path) -> None:
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if name.split(".")[0] in OURS:
            assert within(name, ALLOWED[room(path)]), f"{path} must not import {name}"
        if not relative(path).startswith(WITH_STREAMLIT):
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
        relative(path)
        for path in sources()
        if within_any(imports(ast.parse(path.read_text(encoding="utf-8"))), "albumentations")
    }
    assert users and all(user.startswith("training/augment/") for user in users)


@pytest.mark.slow
def test_only_the_engine_knows_optimiser_and_loss() -> None:
    inner = ("torch.optim", "training.engine.optimizer", "training.engine.loss")
    users = {
        relative(path)
        for path in sources()
        if any(within_any(imports(ast.parse(path.read_text())), name) for name in inner)
    }
    assert users and all(user.startswith("training/engine/") for user in users)


@pytest.mark.slow
def test_only_one_module_knows_torch_distributed() -> None:
    users = {
        relative(path)
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
        relative(path)
        for path in sources()
        if "__file__).resolve()" in path.read_text(encoding="utf-8")
    }
    assert climbers == {"core/places.py"}


def of_pages() -> list[Path]:
    """The modules that draw; the command `carmask` lies beside them and draws nothing."""
    found = [path for path in sources() if relative(path).startswith(PAGES)]
    return [path for path in found if relative(path) != "dashboard/command.py"]


def called(tree: ast.AST) -> set[str]:
    """The names of all functions and methods that are called."""
    functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {node.id for node in functions if isinstance(node, ast.Name)}
    return names | {node.attr for node in functions if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize(
    ("banned", "exceptions"),
    [
        pytest.param(THREADS, STARTS_A_THREAD, id="threads"),
        pytest.param(WRITES, WRITES_FILES, id="files"),
        pytest.param(STATISTICS, HOLDS_A_FORMULA, id="formulas"),
    ],
)
def test_pages_only_draw(banned: set[str], exceptions: set[str]) -> None:
    found = {relative(path) for path in of_pages() if called(parsed(path)) & banned}
    assert found == exceptions


def test_every_door_passes_the_guard() -> None:
    """A function that starts, stops, deletes or writes stands under `local_only`."""
    open_doors = []
    for path in of_pages():
        for function in ast.walk(parsed(path)):
            if isinstance(function, ast.FunctionDef) and called(function) & DOORS:
                words = {each.id for each in function.decorator_list if isinstance(each, ast.Name)}
                closed = "local_only" in words or function.name in DOORS
                open_doors += [] if closed else [f"{relative(path)}: {function.name}"]
    closed_pages = {"pages/train.py: _runs"}  # the page itself is closed
    helpers = {"dashboard/compare/pick.py: keep_upload"}  # called by a guarded function
    assert set(open_doors) == closed_pages | helpers


def test_every_page_passes_the_guard() -> None:
    for path in [*(ROOT / "pages").glob("*.py"), ROOT / "streamlit_app.py"]:
        assert "open_page" in called(parsed(path)), path
    users = {relative(path) for path in of_pages() if "to_path" in called(parsed(path))}
    assert users == {"dashboard/ui/access.py"}, "a visitor's path passes dashboard.ui.access"


def test_no_module_is_too_long() -> None:
    lines = {relative(path): path.read_text(encoding="utf-8").count("\n") for path in sources()}
    assert {path for path, count in lines.items() if count > LONGEST} == TOO_LONG


def test_no_circle_of_imports() -> None:
    """Imports within functions count; those for types alone do not."""
    modules = {relative(path).removesuffix(".py").replace("/", "."): path for path in sources()}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    needs = {
        name: at_runtime(parsed(path), set(modules)) - {name} for name, path in modules.items()
    }
    while free := [name for name, others in needs.items() if not others & needs.keys()]:
        for name in free:
            del needs[name]
    # What is left leads into a circle; a circle is what others left of it lead to, too.
    while ends := needs.keys() - set().union(*needs.values()):
        for name in ends:
            del needs[name]
    assert not needs


def module_name(path: Path) -> str:
    return relative(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def at_runtime(tree: ast.AST, modules: set[str]) -> set[str]:
    """The modules of ours that a module imports, the branches of TYPE_CHECKING left out."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= modules else {*(names & modules), node.module or ""}
        found |= at_runtime(node, modules)
    return found & modules
