"""What a file is that was taken for a network's weights, by its first bytes."""

from __future__ import annotations

import re

_KINDS = (
    (
        rb"PK|\x80[\x02-\x05]",
        "a pickle (torch.save): opening one can run any code in it, so Carmask never does. Give a "
        ".safetensors checkpoint; `python -m core import` makes one of other programs' weights.",
    ),
    (
        rb"version https://git-lfs",
        "a pointer of Git LFS, not the file itself. Get that with `git lfs pull`.",
    ),
    (
        rb"\s*<(!doctype|html|\?xml)",
        "a web page, not the file itself. Save what the page's download link leads to.",
    ),
    (rb"\x89HDF\r\n", "an HDF5 file, as Keras writes it. Weights of PyTorch are needed."),
    (rb"\x93NUMPY", "an array of NumPy. A state dict of PyTorch is needed."),
    (
        rb"\x08[\x01-\x20][\x12\x1a:B]",
        "an ONNX file, which has no weights by name. The state dict that it was made of is needed.",
    ),
    (rb"GGUF", "a GGUF file of a language model. A U-Net is needed."),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "a packed archive. Unpack it first."),
)
"""First bytes, and what they tell: the end of a sentence that begins with "FILE is"."""


def kind_of(start: bytes) -> str:
    """Returns what a file is, and what to do about it, by its first 64 bytes; "" if not known."""
    for pattern, kind in _KINDS:
        if re.match(pattern, start, re.IGNORECASE):
            return kind
    return ""
