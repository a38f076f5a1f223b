"""Exact Grad-CAM of the grid net without a backward pass through the ResNet.

Grad-CAM (Selvaraju et al., ICCV 2017) weighs each channel of the last map with the mean gradient
of the logit over that map. The net reads a block only through its average, so every cell of the
block's map has the gradient of that average divided by the number of cells, and a backward pass
through the head alone yields it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.nets.grid import STRIDE, Features, GridNet, Output, stitch


def explain(net: GridNet, film: Tensor) -> tuple[Output, Tensor]:
    """Scores and heat of prepared films (N, 1, S, S).

    The heat is (N, grid * h, grid * w), the positive part, in logit per cell and on one scale for
    the whole film: it is neither normalised per block nor per film.
    """
    # The caller may have switched gradients off, as one does for inference.
    with torch.inference_mode(False):
        with torch.no_grad():
            features = net.features(film)
        blocks = features.blocks.requires_grad_()  # (N, B, C)
        with torch.enable_grad():
            output = net.head(blocks, features.thumb)
            (gradient,) = torch.autograd.grad(output.logit.sum(), blocks)  # (N, B, C)
    heat = _heat(net, features, gradient).relu()
    scores = Output(*(part.detach() for part in vars(output).values()))
    return scores, heat


class Explained(nn.Module):
    """A net in training that gives its heat beside its scores, so that a loss can ask where it is.

    The heat is that of ``explain`` with its negative part, and can be differentiated.
    """

    def __init__(self, net: GridNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, film: Tensor) -> tuple[Output, Tensor]:
        """``film`` (N, 1, S, S) to the scores and the heat, (N, grid * h, grid * w)."""
        features = self.net.features(film)
        blocks = features.blocks  # (N, B, C)
        # The fused kernels of attention have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            output = self.net.head(blocks, features.thumb)
            (gradient,) = torch.autograd.grad(output.logit.sum(), blocks, create_graph=True)
        return output, _heat(self.net, features, gradient)


def _heat(net: GridNet, features: Features, gradient: Tensor) -> Tensor:
    """Both signs of Grad-CAM, stitched, from the logit's gradient on block averages (N, B, C)."""
    cells = features.maps.shape[-2] * features.maps.shape[-1]
    heat = torch.einsum("nbc,nbchw->nbhw", gradient / cells, features.maps)
    edge = net.config.halo // STRIDE
    if edge:
        # Cells of the halo lie over the neighbours, which have cells of their own there.
        heat = heat[:, :, edge:-edge, edge:-edge]
    return stitch(heat, net.config.grid)
