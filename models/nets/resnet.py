"""ResNet-18 for films of one channel (He et al., CVPR 2016, doi:10.1109/CVPR.2016.90).

Weights have the names and the initial values of MONAI's ``resnet18`` (ADR 7).
"""

from typing import cast

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)
"""Channels of the four stages."""


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut: (M, c, h, w) to (M, C, h / stride, w / stride)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        # The shortcut is created first and registered last, as in MONAI, so that one seed gives
        # the same initial weights.
        downsample = None
        if stride != 1:
            downsample = nn.Sequential(nn.Conv2d(width_in, width, 1, stride), nn.BatchNorm2d(width))
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of convolutions and shortcut, after ReLU."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.bn1(self.conv1(x)).relu_()  # (M, C, h / stride, w / stride)
        out = self.bn2(self.conv2(out)) + shortcut  # same shape
        return out.relu_()


class ResNet18(nn.Module):
    """ResNet-18 without head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], stride=1)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], stride=2)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], stride=2)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def last_map(self, image: Tensor) -> Tensor:
        """Run all stages: (M, 1, b, b) to (M, 512, b / 32, b / 32)."""
        x = image.contiguous(memory_format=torch.channels_last)
        x = self.maxpool(self.bn1(self.conv1(x)).relu_())  # (M, 64, b / 4, b / 4)
        x = self.layer1(x)  # (M, 64, b / 4, b / 4)
        x = self.layer2(x)  # (M, 128, b / 8, b / 8)
        x = self.layer3(x)  # (M, 256, b / 16, b / 16)
        return cast(Tensor, self.layer4(x))  # (M, 512, b / 32, b / 32)

    def forward(self, image: Tensor) -> Tensor:
        """Average the last map: (M, 1, b, b) to (M, 512)."""
        return self.last_map(image).mean(dim=(2, 3))


def _stage(width_in: int, width: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(width_in, width, stride), BasicBlock(width, width, 1))
