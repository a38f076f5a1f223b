"""Convolutions for training on a processor: the weights' gradient as one matrix product.

Over maps of 2 x 2 the library's own kernel for that gradient reaches a quarter of the speed that a
matrix product has, and it is the dearest part of a step. Unfolding the input makes it such a
product; that costs memory, which small maps can spare.
``bench/training.py`` measures what it gains.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad
from torch.nn.grad import conv2d_input, conv2d_weight

Pair = tuple[int, int]

_CELLS = 16
"""The largest map, in cells, that is unfolded: without a limit nothing was gained at 384 px."""


class _Convolve(torch.autograd.Function):
    """``conv2d`` whose backward pass has a matrix product for the weights; no bias, no groups."""

    @staticmethod
    def forward(ctx: Any, picture: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
        ctx.save_for_backward(picture, weight)
        ctx.stride, ctx.padding = stride, padding
        return conv2d(picture, weight, None, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        (gradient,) = gradients
        picture, weight = ctx.saved_tensors
        back = None
        if ctx.needs_input_grad[0]:
            shape, how = picture.shape, (ctx.stride, ctx.padding)
            back = conv2d_input(shape, weight, gradient, *how)  # type: ignore[no-untyped-call]
        if _small(picture, gradient):
            learned = _product(picture, weight.shape, gradient, ctx)
        else:
            how = (ctx.stride, ctx.padding)
            learned = conv2d_weight(picture, weight.shape, gradient, *how)  # type: ignore[no-untyped-call]
        return back, learned, None, None


def _small(picture: Tensor, gradient: Tensor) -> bool:
    """Whether unfolding costs less than it gains: few cells to a map, or one channel."""
    return gradient.shape[-2] * gradient.shape[-1] <= _CELLS or picture.shape[1] == 1


def _product(picture: Tensor, shape: torch.Size, gradient: Tensor, ctx: Any) -> Tensor:
    """(out, in, k, k) from the input (n, in, H, W) and the gradient (n, out, h, w)."""
    out, into, high, wide = shape
    down, right = ctx.padding
    padded = pad(picture, (right, right, down, down)).permute(0, 2, 3, 1)  # (n, H', W', in)
    windows = padded.unfold(1, high, ctx.stride[0]).unfold(2, wide, ctx.stride[1])
    rows = windows.permute(0, 1, 2, 4, 5, 3).reshape(-1, high * wide * into)  # (n h w, k k in)
    columns = gradient.permute(0, 2, 3, 1).reshape(-1, out)  # (n h w, out)
    product = columns.T @ rows
    return product.view(out, high, wide, into).permute(0, 3, 1, 2)


def _as_autocast(tensor: Tensor) -> Tensor:
    """Cast as autocast casts what it knows: a function of one's own has to see to it itself."""
    device = tensor.device.type
    if not torch.is_autocast_enabled(device):
        return tensor
    return tensor.to(torch.get_autocast_dtype(device))


class GemmConv2d(nn.Conv2d):
    """A convolution without bias and groups that learns by ``_Convolve``."""

    def forward(self, input: Tensor) -> Tensor:
        """(n, in, H, W) to (n, out, h, w), as ``nn.Conv2d`` does it."""
        stride, padding = cast(Pair, self.stride), cast(Pair, self.padding)
        picture, weight = _as_autocast(input), _as_autocast(self.weight)
        made = _Convolve.apply(picture, weight, stride, padding)  # type: ignore[no-untyped-call]
        return cast(Tensor, made)


def use_gemm_backward(net: nn.Module) -> nn.Module:
    """Let every convolution of ``net`` that can do so learn faster on a processor, in place.

    Weights and their names stay, and so do the results, but for rounding.
    """
    for module in net.modules():
        if type(module) is nn.Conv2d and _plain(module):
            # The same object with another way to run: parameters and hooks stay where they are.
            module.__class__ = GemmConv2d
    return net


def _plain(layer: nn.Conv2d) -> bool:
    return (
        layer.bias is None
        and layer.groups == 1
        and layer.dilation == (1, 1)
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and layer.kernel_size != (1, 1)
    )
