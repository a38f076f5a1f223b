"""MONAI's multiple-instance net on the same blocks: what a ready-made net does in our net's place.

``MILModel("att_trans")``, after Myronenko et al., arXiv 2111.01556: a bag of blocks without places,
a post-norm Transformer as wide as the ResNet's last map, attention pooling. For comparison alone;
no bundle holds one.
"""

from __future__ import annotations

import warnings
from typing import cast

from torch import Tensor, nn

from models.nets.grid import CHANNELS, FilmNet, GridConfig, Output, cut, resnet18


class MilNet(FilmNet):
    """Film in, ``Output`` out, from MONAI's net over the blocks that ``GridNet`` would see.

    Of ``config`` it takes size, grid, norm and depth; everything else is MONAI's default. It learns
    label and T-score, as the grid net does. It has no head for a block's mineral and keeps its
    attention to itself: both are zeros, which no target can teach.
    """

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.config = config
        # First, so that one seed gives every variant the same ResNet to start from.
        self.bag = _mil_model(resnet18(config.norm), config.depth)

    def forward(self, film: Tensor) -> Output:
        """``film`` (N, 1, S, S) as ``preprocess.prepare`` makes it."""
        blocks = cut(film, self.config.grid)  # (N, B, 1, b, b)
        logit, t_score = self.bag(blocks).unbind(-1)  # (N,), (N,)
        nothing = logit.new_zeros(blocks.shape[:2])  # (N, B)
        return Output(logit, t_score, nothing, nothing)

    def backbone(self) -> nn.Module:
        """The ResNet that MONAI's net runs over its bag."""
        return cast(nn.Module, self.bag.net)


def _mil_model(backbone: nn.Module, depth: int) -> nn.Module:
    # MONAI takes seconds to import, so only who builds a net pays for it.
    from monai.networks.nets.milmodel import MILModel

    with warnings.catch_warnings():
        # Its Transformer is not batch-first; torch says so each time, and nobody can change it.
        warnings.filterwarnings("ignore", "enable_nested_tensor", UserWarning)
        net: nn.Module = MILModel(
            num_classes=2,
            mil_mode="att_trans",
            pretrained=False,
            backbone=backbone,
            backbone_num_features=CHANNELS,
            trans_blocks=depth,
        )
    return net
