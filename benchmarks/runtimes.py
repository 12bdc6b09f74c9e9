"""Speed a photo: ONNX Runtime and OpenVINO on an exported checkpoint, against the predictor.

All get the photo and give the probability at its size, in turn, in one process. `int8` computes the
convolutions in whole numbers of 8 bits, whose ranges come from photos of cars that the checkpoint
was trained on. Beside the ratio stands what it costs: the Dice of the masks with the predictor's,
and with the true ones on cars that the checkpoint never saw.

    pip install openvino    # no dependency of Carmask; left out where it is missing
    python benchmarks/runtimes.py --checkpoint runs/carmask-studio --data data/carvana512
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait take no core from the next

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.inference import Segment, photos_of  # noqa: E402
from core.export import export_onnx  # noqa: E402
from core.metrics import dice  # noqa: E402
from core.torch_predictor import TorchPredictor  # noqa: E402
from training.data.folder import Sample  # noqa: E402


class Photos(CalibrationDataReader):  # type: ignore[misc]
    """The photos whose values give int8 its ranges."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = iter(samples)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Returns the next photo as the exported file takes it; None after the last."""
        sample = next(self._samples, None)
        return None if sample is None else {"image": sample.read()[0]}


def quantized(file: Path, samples: Sequence[Sample]) -> Path:
    """Returns an ONNX file whose convolutions compute in int8, beside the given one."""
    inferred, result = file.with_name("inferred.onnx"), file.with_name("int8.onnx")
    quant_pre_process(file, inferred, skip_symbolic_shape=True)
    quantize_static(
        inferred,
        result,
        Photos(samples),
        op_types_to_quantize=["Conv", "ConvTranspose"],
        activation_type=QuantType.QUInt8,
        per_channel=True,
    )
    return result


def onnx_runtime(file: Path, threads: int, height: int, width: int) -> Segment:
    """Returns ONNX Runtime on the processor, for photos of one size."""
    options = onnxruntime.SessionOptions()
    options.add_free_dimension_override_by_name("height", height)
    options.add_free_dimension_override_by_name("width", width)
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda image: np.asarray(session.run(None, {"image": image})[0], np.float32)


def open_vino(file: Path, threads: int, height: int, width: int) -> Segment:
    """Returns OpenVINO on the processor, in float32 where the file does not say int8."""
    import openvino

    core = openvino.Core()
    model = core.read_model(file)
    model.reshape({0: [height, width, 3]})
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda image: np.array(request.infer({0: image})[0], np.float32)


RUNTIMES: dict[str, Callable[[Path, int, int, int], Segment]] = {
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": open_vino,
}


def installed() -> list[str]:
    """Returns the runtimes that can be measured here; says which can't."""
    if find_spec("openvino"):
        return list(RUNTIMES)
    print("OpenVINO is not installed here (pip install openvino) and left out.")
    return [name for name in RUNTIMES if name != "OpenVINO"]


def main() -> None:
    """Measures all in turn and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "runs" / "carmask-studio")
    parser.add_argument("--data", type=Path, default=ROOT / "samples")
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--calibrate", type=int, default=64, help="photos that give int8 ranges")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    chosen = photos_of(options.data, options.checkpoint, options.photos, trained=False)
    ranges = photos_of(options.data, options.checkpoint, options.calibrate, trained=True)
    predictor = TorchPredictor.load(options.checkpoint, "cpu")
    threshold = predictor.threshold
    runtimes = installed()
    with tempfile.TemporaryDirectory() as folder:
        files = {"float32": Path(folder) / "exported.onnx"}
        files["float32"].write_bytes(export_onnx(options.checkpoint))
        if ranges:
            files["int8"] = quantized(files["float32"], ranges)

        @cache
        def sides(height: int, width: int) -> dict[str, Segment]:
            """Returns all that is measured, made for photos of one size: that is fastest."""
            return {"Carmask": predictor} | {
                f"{name}, {precision}": RUNTIMES[name](file, options.threads, height, width)
                for name in runtimes
                for precision, file in files.items()
            }

        seconds: dict[str, list[float]] = defaultdict(list)
        with_carmask: dict[str, list[float]] = defaultdict(list)
        with_truth: dict[str, list[float]] = defaultdict(list)
        for sample in chosen:
            image, truth = sample.read()
            reference = predictor(image) >= threshold
            for repeat in range(options.repeats + 1):
                for name, segment in sides(*image.shape[:2]).items():
                    started = time.perf_counter()
                    mask = segment(image) >= threshold
                    if repeat:  # the first one warms up
                        seconds[name].append(time.perf_counter() - started)
                    else:
                        with_carmask[name].append(dice(mask, reference))
                        with_truth[name].append(dice(mask, truth))

    print(
        f"{options.checkpoint.name}: {len(chosen)} photos, {options.repeats} times, in turn, "
        f"{options.threads} threads; int8 has its ranges from {len(ranges)} photos"
    )
    print(
        "| runtime | ms a photo | times as fast | Dice with Carmask's mask, mean (least) | Dice |"
    )
    print("|---|---|---|---|---|")
    ours = np.array(seconds["Carmask"])
    for name in seconds:
        low, middle, high = np.percentile(ours / np.array(seconds[name]), (5, 50, 95))
        alike = with_carmask[name]
        print(
            f"| {name} | {1e3 * np.median(seconds[name]):.1f} | {middle:.2f} ({low:.2f} to "
            f"{high:.2f}) | {np.mean(alike):.5f} ({min(alike):.5f}) | "
            f"{np.mean(with_truth[name]):.5f} |"
        )


if __name__ == "__main__":
    main()
