"""Run the gate: outputs are averaged over four rotations of each film and two polarities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from models.gate.image_findings import ImageFindings
from models.gate.input import gate_input
from models.gate.net import GateNet, Kind
from models.images.radiograph import Radiograph

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureDistribution:
    """Distribution of frontal films' features, with ``centre`` (F,) and ``precision`` (F, F).

    995 of 1,000 unseen frontal films have a distance of at most ``scale``.
    """

    centre: Float
    precision: Float
    scale: float

    def distances(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the Mahalanobis distances (n,) of features (n, F), divided by ``scale``."""
        offset = features.astype(np.float64) - self.centre
        square = np.einsum("nf,fg,ng->n", offset, self.precision.astype(np.float64), offset)
        distance: npt.NDArray[np.float64] = np.sqrt(np.maximum(square, 0.0)) / self.scale
        return distance


@dataclass(frozen=True)
class GateOutputs:
    """Averaged outputs for n films: probabilities and features."""

    kind: npt.NDArray[np.float64]
    turn: npt.NDArray[np.float64]
    inverted: npt.NDArray[np.float64]
    ap: npt.NDArray[np.float64]
    features: Float

    def findings(self, distribution: FeatureDistribution) -> list[ImageFindings]:
        """Return the findings for each film."""
        distances = distribution.distances(self.features)
        return [
            ImageFindings(
                frontal=float(self.kind[n, Kind.FRONTAL]),
                side=float(self.kind[n, Kind.SIDE]),
                ap=float(self.ap[n]),
                turn=int(self.turn[n].argmax()),
                upright=float(self.turn[n, 0]),
                inverted=float(self.inverted[n]),
                distance=float(distances[n]),
            )
            for n in range(len(distances))
        ]


def check_films(
    net: GateNet, distribution: FeatureDistribution, films: Sequence[Radiograph]
) -> list[ImageFindings]:
    """Return the findings for each film, in order. Films do not affect each other's findings."""
    if not films:
        return []
    device = next(net.parameters()).device
    inputs = torch.stack([gate_input(film, net.config.size) for film in films]).to(device)
    return predict_averaged(net, inputs).findings(distribution)


def predict_averaged(net: GateNet, inputs: Tensor) -> GateOutputs:
    """Average the outputs for inputs (n, 1, S, S) over four rotations and two polarities."""
    n = len(inputs)
    kind, turn = torch.zeros(n, 3), torch.zeros(n, 4)
    inverted, ap = torch.zeros(n), torch.zeros(n)
    features = []
    with torch.inference_mode():
        for sign in (1.0, -1.0):
            for quarters in range(4):
                logits = net(torch.rot90(inputs, quarters, (2, 3)) * sign)
                kind += logits.kind.float().log_softmax(dim=1).cpu() / 8
                turn += logits.turn.float().log_softmax(dim=1).roll(-quarters, dims=1).cpu() / 8
                inverted += logits.inverted.float().cpu() * sign / 8
                ap += logits.ap.float().cpu() / 8
                features.append(logits.features.float().cpu())
    right = (inverted > 0).long() * 4 + (-turn.argmax(dim=1)) % 4
    upright = torch.stack(features)[right, torch.arange(n)]
    return GateOutputs(
        kind=kind.softmax(dim=1).double().numpy(),
        turn=turn.softmax(dim=1).double().numpy(),
        inverted=logsigmoid(inverted).exp().double().numpy(),
        ap=logsigmoid(ap).exp().double().numpy(),
        features=upright.numpy(),
    )
