"""What pyproject.toml can't say: the app, its samples and its runs become package carmask_app."""

from pathlib import Path

from setuptools import find_namespace_packages, setup

RUNS = ("carmask-outside", "carmask-fast", "carmask-studio-5", "carmask-click", "ablation-*")
"""Runs that are installed: the flagship, those for outside, for clicks, the fast one and the
experiment."""
RUN_FILES = ("*.json", "*.jsonl", "log.txt", "README.md")
RUN_FILES += (
    "checkpoints/best.safetensors",
    "checkpoints/best.evaluations/*.parquet",
    "click.safetensors",
)
DEV = [
    line.partition("#")[0].strip()
    for line in Path("requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("-r")
]

setup(
    script_name=__file__,  # or it would be taken for one of the app's modules
    extras_require={
        "dev": DEV,
        "login": ["authlib>=1.5,<2", "httpx>=0.27,<1"],
        "ray": ["ray[data]>=2.40,<2.64"],
    },
    packages=[
        *find_namespace_packages(include=["core*", "training*", "dashboard*", "serving*"]),
        "carmask_app",
    ],
    package_dir={"carmask_app": "."},
    package_data={
        "": ["py.typed", "*.css", "*.js", "*.html"],
        "core.listing": ["presets/*.json"],
        "carmask_app": [
            ".streamlit/config.toml",
            "pages/*.py",
            "samples/manifest.json",
            "samples/*/*",
            *(f"runs/{run}/{file}" for run in RUNS for file in RUN_FILES),
        ],
    },
    include_package_data=False,
)
