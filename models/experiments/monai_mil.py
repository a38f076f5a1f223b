"""MONAI's multiple-instance learning (MIL) net on the blocks of the grid net, for comparison.

The net is ``MILModel("att_trans")``, after Myronenko et al., arXiv 2111.01556. The net has a
post-norm Transformer as wide as the ResNet's last map, attention pooling, and no block positions.
"""

import warnings
from typing import cast

from torch import Tensor, nn

from models.nets.grid import CHANNELS, FilmNet, GridConfig, Output, cut_blocks, resnet18


class MilNet(FilmNet):
    """MONAI's net over the blocks of ``GridNet``.

    The net uses size, grid, norm and depth of ``config``, and MONAI's defaults for all other
    settings. The net learns label and T-score. ``mineral`` and ``attention`` are zeros.
    """

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.config = config
        # The ResNet is created first, so one seed gives every variant the same ResNet.
        self.bag = _mil_model(resnet18(config.norm), config.depth)

    def forward(self, film: Tensor) -> Output:
        """Score films (N, 1, S, S) from ``preprocess.prepare``."""
        blocks = cut_blocks(film, self.config.grid)  # (N, B, 1, b, b)
        logit, t_score = self.bag(blocks).unbind(-1)  # (N,), (N,)
        nothing = logit.new_zeros(blocks.shape[:2])  # (N, B)
        return Output(logit, t_score, nothing, nothing)

    def backbone(self) -> nn.Module:
        """The ResNet that MONAI's net applies to its blocks."""
        return cast(nn.Module, self.bag.net)


def _mil_model(backbone: nn.Module, depth: int) -> nn.Module:
    # MONAI takes seconds to import, therefore it is imported only here.
    from monai.networks.nets.milmodel import MILModel

    with warnings.catch_warnings():
        # torch warns that the Transformer is not batch-first, which MONAI does not let us change.
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
