"""What a gate sees of a film: all questions asked of the film in eight positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from models.gate.image_findings import ImageFindings
from models.gate.input import picture
from models.gate.net import GateNet, Kind
from models.images.radiograph import Radiograph

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureDistribution:
    """Where the features of frontal chests lie: ``centre`` (F,), ``precision`` (F, F), ``scale``.

    ``scale`` is the distance within which 995 in 1,000 chests were that the net had not seen.
    """

    centre: Float
    precision: Float
    scale: float

    def distances(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Mahalanobis distances of features (n, F) over ``scale``, (n,); over 1 is far away."""
        away = features.astype(np.float64) - self.centre
        square = np.einsum("nf,fg,ng->n", away, self.precision.astype(np.float64), away)
        far: npt.NDArray[np.float64] = np.sqrt(np.maximum(square, 0.0)) / self.scale
        return far


@dataclass(frozen=True)
class GateOutputs:
    """The same for n films, before distances: probabilities and features, as arrays."""

    kind: npt.NDArray[np.float64]
    turn: npt.NDArray[np.float64]
    inverted: npt.NDArray[np.float64]
    ap: npt.NDArray[np.float64]
    features: Float

    def seen(self, spread: FeatureDistribution) -> list[ImageFindings]:
        """One account for each film."""
        far = spread.distances(self.features)
        return [
            ImageFindings(
                frontal=float(self.kind[n, Kind.FRONTAL]),
                side=float(self.kind[n, Kind.SIDE]),
                ap=float(self.ap[n]),
                turn=int(self.turn[n].argmax()),
                upright=float(self.turn[n, 0]),
                inverted=float(self.inverted[n]),
                distance=float(far[n]),
            )
            for n in range(len(far))
        ]


def look(
    net: GateNet, spread: FeatureDistribution, films: Sequence[Radiograph]
) -> list[ImageFindings]:
    """What each film shows, in order. A film's account does not depend on its neighbours."""
    if not films:
        return []
    device = next(net.parameters()).device
    pictures = torch.stack([picture(film, net.config.size) for film in films]).to(device)
    return ask(net, pictures).seen(spread)


def ask(net: GateNet, pictures: Tensor) -> GateOutputs:
    """Ask of pictures (n, 1, S, S) in four turns and both polarities, and agree."""
    n = len(pictures)
    kind, turn = torch.zeros(n, 3), torch.zeros(n, 4)
    inverted, ap = torch.zeros(n), torch.zeros(n)
    features = []
    with torch.inference_mode():
        for sign in (1.0, -1.0):
            for quarters in range(4):
                said = net(torch.rot90(pictures, quarters, (2, 3)) * sign)
                kind += said.kind.float().log_softmax(dim=1).cpu() / 8
                turn += said.turn.float().log_softmax(dim=1).roll(-quarters, dims=1).cpu() / 8
                inverted += said.inverted.float().cpu() * sign / 8
                ap += said.ap.float().cpu() / 8
                features.append(said.features.float().cpu())
    right = (inverted > 0).long() * 4 + (-turn.argmax(dim=1)) % 4
    upright = torch.stack(features)[right, torch.arange(n)]
    return GateOutputs(
        kind=kind.softmax(dim=1).double().numpy(),
        turn=turn.softmax(dim=1).double().numpy(),
        inverted=logsigmoid(inverted).exp().double().numpy(),
        ap=logsigmoid(ap).exp().double().numpy(),
        features=upright.numpy(),
    )
