"""Lossless JPEG 2000 compression of heatmaps."""

import copy

from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless


def compress_image(ds: Dataset) -> Dataset:
    """Return a copy of an RGB image in JPEG 2000 Lossless, with the same UID and pixel values.

    The Photometric Interpretation YBR_RCT states the reversible colour transform (PS3.5, A.4.4).
    """
    compressed = copy.deepcopy(ds)  # pydicom compresses in place
    compressed.compress(
        JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False, use_mct=True
    )
    compressed.PhotometricInterpretation = "YBR_RCT"
    return compressed
