#!/bin/sh
# The steps of the container images. They also run without a container engine:
#
#     deploy/build.sh TARGET [full|api]
#
# makes TARGET/venv, a Python environment with Carmask and all that it needs to serve: the dashboard
# and the API (full), or the API alone, without PyTorch (api).
#
# TORCH is what pip installs as PyTorch, with options: on pytorch.org choose Pip and CPU, and set it
# to what the command shown there says behind "install", without torchvision. Its usual build for
# Linux works too, but brings gigabytes for graphics cards.
set -eu

target=${1:?"usage: deploy/build.sh TARGET [full|api]"}
kind=${2:-full}
source=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
case $kind in
full) wanted=$source/requirements.txt ;;
api) wanted=$source/deploy/requirements-api.txt ;;
*)
    echo "$kind is neither full nor api." >&2
    exit 2
    ;;
esac
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Carmask needs Python 3.11 or newer." >&2
    exit 1
}

mkdir -p "$target"
"$python" -m venv "$target/venv"
inner=$target/venv/bin/python
pip() {
    into=$1
    shift
    "$into" -m pip install --no-cache-dir --disable-pip-version-check -q "$@"
}

# PyTorch comes first and by itself; nothing that follows may bring another one. The API alone runs
# its networks by ONNX Runtime: PyTorch writes them, in an environment that goes afterwards.
torch=$(grep '^torch==' "$source/constraints.txt" || echo torch)
if [ "$kind" = full ]; then
    # shellcheck disable=SC2086
    pip "$inner" ${TORCH:-$torch}
fi
grep -v '^torch' "$source/constraints.txt" >"$target/constraints.txt"
grep -v '^torch' "$wanted" >"$target/requirements.txt"
pip "$inner" -c "$target/constraints.txt" -r "$target/requirements.txt"

# A copy, for building writes into the source.
mkdir "$target/source"
(cd "$source" && tar -cf - core dashboard pages runs samples serving training .streamlit \
    streamlit_app.py setup.py pyproject.toml README.md LICENSE requirements*.txt) |
    tar -xf - -C "$target/source"
pip "$inner" "setuptools>=77"
pip "$inner" --no-deps --no-build-isolation "$target/source"
rm -rf "$target/source"

site=$("$inner" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
if [ "$kind" = api ]; then
    writer=$target/writer/bin/python
    "$python" -m venv "$target/writer"
    # shellcheck disable=SC2086
    pip "$writer" ${TORCH:-$torch}
    pip "$writer" -c "$target/constraints.txt" -r "$target/requirements.txt" onnx onnxscript
    for file in "$site"/carmask_app/runs/*/checkpoints/best.safetensors; do
        (cd "$source" && PYTHONDONTWRITEBYTECODE=1 "$writer" -m core export "$file" --network)
    done
    rm -rf "$target/writer"
fi
rm -rf "$target/constraints.txt" "$target/requirements.txt"

# What no server needs: headers, tests that libraries bring, and what installs them.
"$inner" -m pip uninstall -q -y setuptools pip
rm -rf "$site"/torch/include "$site"/torch/test "$site"/pyarrow/include
find "$site"/pandas "$site"/pyarrow "$site"/scipy "$site"/sympy "$site"/numpy -type d -name tests \
    -prune -exec rm -rf {} + 2>/dev/null || true

# Compiled Python of what Carmask imports; of all there is it would be a seventh of the environment.
if [ "$kind" = full ]; then
    find "$target/venv" -type d -name __pycache__ -prune -exec rm -rf {} +
    "$inner" -I - <<'PYTHON'
from importlib import import_module
from pkgutil import walk_packages

for name in ("core", "training", "dashboard", "serving"):
    for module in walk_packages(import_module(name).__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
PYTHON
fi
