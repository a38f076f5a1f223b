"""The gate's net: a small residual net for kind of image, rotation, polarity and view.

The gate's net is separate from the grid net. The gate needs only a small image. A new training of
the gate does not change the scores of a bundle.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn.functional import gelu, relu


class Kind(IntEnum):
    """Kind of an image; the value is the index of its logit."""

    FRONTAL = 0
    SIDE = 1
    OTHER = 2


class GateConfig(BaseModel):
    """``size`` is the side of the input in pixels, ``widths`` are the channels of the stages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(160, ge=64, le=512)
    widths: tuple[int, ...] = (24, 32, 64, 96, 128)
    features: int = Field(64, ge=8, le=512)


@dataclass(frozen=True)
class GateLogits:
    """Logits of the gate, and the features (N, F) for the distance from frontal chest films.

    ``kind`` (N, 3) is for frontal chest, lateral chest and other images. ``turn`` (N, 4) is for
    the number of quarter turns counter-clockwise. ``inverted`` (N,) is for inverted grey levels.
    ``ap`` (N,) is for the view AP; a low logit means PA.
    """

    kind: Tensor
    turn: Tensor
    inverted: Tensor
    ap: Tensor
    features: Tensor


class _Block(nn.Module):
    """Two convolutions and a shortcut; the resolution is halved."""

    def __init__(self, narrow: int, wide: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(narrow, wide, 3, stride=2, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(8, wide)
        self.second = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(8, wide)
        self.shortcut = nn.Conv2d(narrow, wide, 1, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.first_norm(self.first(x)))  # (N, wide, h / 2, w / 2)
        y = self.second_norm(self.second(y))  # the same
        return relu(y + self.shortcut(x))


class GateNet(nn.Module):
    """The gate's net; ``forward`` converts films (N, 1, S, S) to ``GateLogits``."""

    def __init__(self, config: GateConfig) -> None:
        super().__init__()
        self.config = config
        first, *rest = config.widths
        self.stem = nn.Conv2d(1, first, 5, stride=2, padding=2, bias=False)
        self.stem_norm = nn.GroupNorm(8, first)
        pairs = zip((first, *rest), rest, strict=False)
        self.blocks = nn.ModuleList(_Block(narrow, wide) for narrow, wide in pairs)
        self.features = nn.Linear(2 * config.widths[-1], config.features)
        self.dropout = nn.Dropout(0.2)
        self.kind = nn.Linear(config.features, 3)
        self.turn = nn.Linear(config.features, 4)
        self.inverted = nn.Linear(config.features, 1)
        self.ap = nn.Linear(config.features, 1)

    def forward(self, x: Tensor) -> GateLogits:
        """Return the logits and features of a batch (N, 1, S, S)."""
        x = relu(self.stem_norm(self.stem(x)))  # (N, 24, S / 2, S / 2)
        for block in self.blocks:
            x = block(x)
        # x is (N, 128, S / 32, S / 32). A small structure changes the maximum more than the mean.
        pooled = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        features = gelu(self.features(pooled))  # (N, F)
        active = self.dropout(features)
        return GateLogits(
            kind=self.kind(active),
            turn=self.turn(active),
            inverted=self.inverted(active)[:, 0],
            ap=self.ap(active)[:, 0],
            features=features,
        )
