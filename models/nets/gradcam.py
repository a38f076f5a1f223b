"""Exact Grad-CAM for each block of the grid net, without a backward pass through the ResNet.

Grad-CAM (Selvaraju et al., ICCV 2017) weights each channel of the last map with the mean gradient
of the logit over that map. The net uses only the average of a block's map. The gradient for a cell
is therefore the gradient for the average divided by the number of cells.
"""

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.nets.grid import STRIDE, Features, GridNet, Output, stitch_blocks


def explain(net: GridNet, film: Tensor) -> tuple[Output, Tensor]:
    """Return scores and heat of prepared films (N, 1, S, S).

    The heat is the positive part of Grad-CAM, (N, grid * h, grid * w), in logit per cell. The heat
    is not normalised.
    """
    # The caller may have disabled gradients.
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


class NetWithHeat(nn.Module):
    """A net in training that also returns its heat, for a loss on the heat.

    The heat is the Grad-CAM of ``explain`` including negative values, and is differentiable.
    """

    def __init__(self, net: GridNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, film: Tensor) -> tuple[Output, Tensor]:
        """Return scores and heat (N, grid * h, grid * w) of films (N, 1, S, S)."""
        features = self.net.features(film)
        blocks = features.blocks  # (N, B, C)
        # The fused kernels of attention have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            output = self.net.head(blocks, features.thumb)
            (gradient,) = torch.autograd.grad(output.logit.sum(), blocks, create_graph=True)
        return output, _heat(self.net, features, gradient)


def _heat(net: GridNet, features: Features, gradient: Tensor) -> Tensor:
    """Return signed Grad-CAM of films from the gradient for the block averages (N, B, C)."""
    cells = features.maps.shape[-2] * features.maps.shape[-1]
    heat = torch.einsum("nbc,nbchw->nbhw", gradient / cells, features.maps)
    edge = net.config.halo // STRIDE
    if edge:
        # Cells of the halo belong to the neighbouring blocks.
        heat = heat[:, :, edge:-edge, edge:-edge]
    return stitch_blocks(heat, net.config.grid)
