"""What the tests of the models share: small nets, phantoms, data sets made by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian

from models.nets.grid import GridConfig, GridNet


@pytest.fixture
def small() -> GridConfig:
    """Return a small config with all parts of the net."""
    return GridConfig(size=96, grid=3, dim=32, depth=1, heads=2, dropout=0.0)


@pytest.fixture
def make_net() -> Callable[[GridConfig], GridNet]:
    """Return a maker of nets that are the same on every call."""

    def make(config: GridConfig) -> GridNet:
        torch.manual_seed(3)
        return GridNet(config).eval()

    return make


@pytest.fixture
def make_ds() -> Callable[..., Dataset]:
    """Return a maker of CR data sets around an array; keywords set or replace attributes."""

    def make(stored: np.ndarray, **attributes: Any) -> Dataset:
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = ComputedRadiographyImageStorage
        ds.Rows, ds.Columns = stored.shape[:2]
        ds.SamplesPerPixel = 3 if stored.ndim == 3 else 1
        if stored.ndim == 3:
            ds.PlanarConfiguration = 0
        ds.PhotometricInterpretation = "RGB" if stored.ndim == 3 else "MONOCHROME2"
        bits = stored.dtype.itemsize * 8
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
        ds.PixelRepresentation = int(stored.dtype.kind == "i")
        ds.PixelData = stored.tobytes()
        for keyword, value in attributes.items():
            setattr(ds, keyword, value)
        return ds

    return make
