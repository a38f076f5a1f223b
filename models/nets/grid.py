"""The grid hybrid net: a ResNet-18 over 6 x 6 blocks of a film, a Transformer over the blocks.

The method is from Li et al., Chin J Med Imaging Technol 2026;42(3):403-407. The abstract states
ResNet-18, a Transformer and the 6 x 6 grid. ``GridConfig`` contains the choices that the abstract
does not state.

In shapes, N means films, B = grid * grid blocks, C = 512 channels, and D the token width. The last
map of a block is h x w. S is the side of the film in pixels.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from models.nets.resnet import WIDTHS, ResNet18

CHANNELS = WIDTHS[-1]
"""Width of ResNet-18's last map."""

STRIDE = 32
"""Film pixels for each cell of the last map."""


@dataclass(frozen=True)
class GridConfig:
    """Configuration of the net; each ablation uses another configuration.

    ``size`` is the film's side in pixels, a multiple of 32 * grid. ``halo`` is the number of pixels
    (a multiple of 32) that each block is widened by on every side. With ``whole_film``, the ResNet
    runs once over the film, and its map is cut into the grid. ``norm`` "frozen" means batch norm
    with constant statistics and scale.
    """

    size: int = 384
    grid: int = 6
    halo: int = 0
    dim: int = 256
    depth: int = 4
    heads: int = 8
    dropout: float = 0.1
    transformer: bool = True
    position: bool = True
    thumbnail: bool = True
    whole_film: bool = False
    norm: Literal["batch", "frozen"] = "batch"

    def __post_init__(self) -> None:
        if self.size <= 0 or self.size % (STRIDE * self.grid):
            raise ValueError(f"size {self.size} is not a multiple of {STRIDE * self.grid}")
        if self.halo < 0 or self.halo % STRIDE or (self.halo and self.whole_film):
            raise ValueError(f"halo {self.halo} must be a multiple of {STRIDE}, 0 for whole_film")
        if self.dim % self.heads:
            raise ValueError(f"dim {self.dim} does not divide into {self.heads} heads")

    @property
    def block(self) -> int:
        """Side of one block in film pixels, without halo."""
        return self.size // self.grid


@dataclass(frozen=True)
class Features:
    """Output of the ResNet; ``maps`` is (N, B, C, h, w), ``thumb`` (N, C) is for the thumbnail."""

    maps: Tensor
    thumb: Tensor | None

    @property
    def blocks(self) -> Tensor:
        """Average of each block, (N, B, C)."""
        return self.maps.mean(dim=(3, 4))


@dataclass(frozen=True)
class Output:
    """Output of the head.

    ``logit`` (N,) is for osteoporosis. ``t_score`` (N,) is standardised. ``mineral`` (N, B) is the
    log of each block's areal mineral density. ``attention`` (N, B or B + 1) are pooling weights.
    """

    logit: Tensor
    t_score: Tensor
    mineral: Tensor
    attention: Tensor


class FilmNet(nn.Module):
    """Base class of the nets that can be trained; ``forward`` returns the ``Output`` of films."""

    config: GridConfig

    def backbone(self) -> nn.Module:
        """The ResNet that encodes blocks; every kind of net has a ResNet."""
        raise NotImplementedError


class GridNet(FilmNet):
    """The net. ``features`` and ``head`` are separate methods for Grad-CAM."""

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.config = config
        self.resnet = resnet18(config.norm)
        self.project = nn.Linear(CHANNELS, config.dim)
        self.mineral = nn.Linear(config.dim, 1)
        if config.position:
            self.row = nn.Parameter(torch.randn(config.grid, config.dim) * 0.02)
            self.column = nn.Parameter(torch.randn(config.grid, config.dim) * 0.02)
        if config.thumbnail:
            self.kind = nn.Parameter(torch.randn(2, config.dim) * 0.02)
        if config.transformer:
            self.transformer = _transformer(config)
        self.norm = nn.LayerNorm(config.dim)
        self.attend = nn.Sequential(
            nn.Linear(config.dim, config.dim // 2), nn.Tanh(), nn.Linear(config.dim // 2, 1)
        )
        self.out = nn.Linear(config.dim, 2)

    def forward(self, film: Tensor) -> Output:
        """Score films (N, 1, S, S) from ``preprocess.prepare``."""
        features = self.features(film)
        return self.head(features.blocks, features.thumb)

    def backbone(self) -> nn.Module:
        """The ResNet that blocks and thumbnail share."""
        return self.resnet

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; frozen norms stay in evaluation mode."""
        super().train(mode)
        if self.config.norm == "frozen":
            for module in self.resnet.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def features(self, film: Tensor) -> Features:
        """Run the ResNet over the blocks, and over a thumbnail of the size of one block."""
        n, grid = film.shape[0], self.config.grid
        thumb = None
        small = None
        if self.config.thumbnail:
            side = self.config.block + 2 * self.config.halo
            small = interpolate(
                film, size=(side, side), mode="bilinear", antialias=True
            )  # (N, 1, b, b)
        if self.config.whole_film:
            maps = cut_blocks(self.resnet.last_map(film), grid)  # (N, B, C, h, w)
            if small is not None:
                thumb = self.resnet.last_map(small).mean(dim=(2, 3))  # (N, C)
            return Features(maps, thumb)
        halo = self.config.halo
        wide = pad(film, (halo, halo, halo, halo), mode="replicate") if halo else film
        blocks = cut_blocks(wide, grid, halo)  # (N, B, 1, b, b)
        stack = blocks.flatten(0, 1)  # (N*B, 1, b, b)
        if small is not None:
            stack = torch.cat([stack, small])  # (N*B + N, 1, b, b)
        last = self.resnet.last_map(stack)  # (N*B + N, C, h, w)
        if small is not None:
            thumb = last[n * grid * grid :].mean(dim=(2, 3))  # (N, C)
        maps = last[: n * grid * grid].view(n, grid * grid, *last.shape[1:])  # (N, B, C, h, w)
        return Features(maps, thumb)

    def head(self, blocks: Tensor, thumb: Tensor | None) -> Output:
        """Compute the scores from block averages (N, B, C) and the thumbnail's average (N, C)."""
        tokens = self.project(blocks)  # (N, B, D)
        mineral = self.mineral(tokens).squeeze(-1)  # (N, B)
        if self.config.position:
            place = self.row[:, None] + self.column[None, :]  # (grid, grid, D)
            tokens = tokens + place.flatten(0, 1)  # (N, B, D)
        if self.config.thumbnail:
            if thumb is None:
                raise ValueError("this net needs the thumbnail's features")
            thumb_token = self.project(thumb)[:, None] + self.kind[1]  # (N, 1, D)
            tokens = torch.cat([tokens + self.kind[0], thumb_token], dim=1)  # (N, B + 1, D)
        if self.config.transformer:
            first = tokens.transpose(0, 1).contiguous()  # (B + 1, N, D)
            tokens = self.transformer(first).transpose(0, 1)  # (N, B + 1, D)
        tokens = self.norm(tokens)
        attention = self.attend(tokens).squeeze(-1).softmax(dim=1)  # (N, B + 1)
        pooled = torch.einsum("nb,nbd->nd", attention, tokens)  # (N, D)
        logit, t_score = self.out(pooled).unbind(-1)  # (N,), (N,)
        return Output(logit, t_score, mineral, attention)


def with_size(net: GridNet, size: int) -> GridNet:
    """Return a net with the same weights for films of another size. Raises ValueError."""
    copy = GridNet(replace(net.config, size=size))
    copy.load_state_dict(net.state_dict())
    return copy


def cut_blocks(image: Tensor, grid: int, halo: int = 0) -> Tensor:
    """Cut each image of a batch into grid * grid blocks, row by row; a block includes its halo."""
    step = (image.shape[-1] - 2 * halo) // grid
    side = step + 2 * halo
    cells = image.unfold(2, side, step).unfold(3, side, step)  # (N, K, grid, grid, b, b)
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)  # (N, B, K, b, b)


def stitch_blocks(blocks: Tensor, grid: int) -> Tensor:
    """Join the blocks of each film: (N, grid * grid, h, w) to (N, grid * h, grid * w)."""
    n, _, h, w = blocks.shape
    cells = blocks.reshape(n, grid, grid, h, w).transpose(2, 3)  # (N, grid, h, grid, w)
    return cells.reshape(n, grid * h, grid * w)


def resnet18(norm: str) -> ResNet18:
    """Return a ResNet-18 without head, with random weights: (M, 1, b, b) to (M, C)."""
    net = ResNet18()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if norm == "frozen":
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
    return net


def _transformer(config: GridConfig) -> nn.TransformerEncoder:
    # The first axis is the token axis. If the first axis were films, torch would copy the frozen
    # weights for each token, which took half of a heatmap's time.
    layer = nn.TransformerEncoderLayer(
        config.dim,
        config.heads,
        dim_feedforward=config.dim * 2,
        dropout=config.dropout,
        activation="gelu",
        batch_first=False,
        norm_first=True,
    )
    return nn.TransformerEncoder(layer, config.depth, enable_nested_tensor=False)
