"""Makes ZIPs for the tests."""

import zipfile
from io import BytesIO


def zipped(*members: tuple[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, packing)
    return stream.getvalue()
