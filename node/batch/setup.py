"""Screening files: the node's policy, decoder and model, put together without a node."""

import threading
from typing import TYPE_CHECKING

from node.config.settings import Config
from node.policies import admission_policy, decision_policy, require_gate

if TYPE_CHECKING:
    from node.batch.runner import Outcome
    from node.batch.session import Progress, Request


def run_screen(
    config: Config, request: "Request", stop: threading.Event, progress: "Progress"
) -> "Outcome":
    """Score files without a PACS, with the node's own policy, decoder and model."""
    from node.batch.reader import Reader
    from node.batch.session import Model, screen
    from node.inference.decoder import decode
    from node.inference.predictor import load

    def load_model() -> Model:
        predictor = load(config.model.bundle, config.model.device, config.model.threads)
        thresholds = decision_policy(config, predictor.thresholds)
        admission = require_gate(admission_policy(config), predictor.has_gate)
        return Model(predictor, admission, thresholds, config.model.batch)

    reader = Reader(admission_policy(config), int(config.dicom.max_object), decode)
    return screen(request, reader, load_model, stop, progress)
