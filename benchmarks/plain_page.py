"""The page that one writes first, as a peer: a plain U-Net of width 64, a photo, its mask.

Started by benchmarks/table.py: streamlit run benchmarks/plain_page.py -- PHOTO
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.inference import Segment, plain_network  # noqa: E402


@st.cache_resource
def network() -> Segment:
    """Returns the network, made once a server."""
    return plain_network(None)


st.title("Car segmentation")
st.file_uploader("Photo")
photo = np.array(Image.open(sys.argv[1]).convert("RGB"))
mask = network()(photo) >= 0.5
st.image(photo)
st.image((mask * 255).astype(np.uint8))
