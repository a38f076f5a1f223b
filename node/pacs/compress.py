"""A heatmap in JPEG 2000 without loss, for the destinations that want it so."""

import copy

from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless


def compressed(ds: Dataset) -> Dataset:
    """Return an RGB image in JPEG 2000 Lossless, under its own UID: no pixel is another.

    Its colours are turned in the stream by the reversible transform, as the photometric
    interpretation then says (PS3.5, A.4.4); the data set it is made from stays as it is.
    """
    smaller = copy.deepcopy(ds)  # pydicom compresses in place
    smaller.compress(
        JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False, use_mct=True
    )
    smaller.PhotometricInterpretation = "YBR_RCT"
    return smaller
