"""Set up batch screening with the policies, decoder and model of a node's configuration."""

import threading

from node.batch.reader import FileReader
from node.batch.runner import ScreeningModel, ScreeningResult
from node.batch.session import ScreeningProgress, ScreeningRequest, screen
from node.config.settings import Config
from node.policies import admission_policy, decision_policy, require_gate


def run_screen(
    config: Config,
    request: ScreeningRequest,
    stop: threading.Event,
    progress: ScreeningProgress,
) -> ScreeningResult:
    """Score files without a PACS, by `node.batch.session.screen` with a node's configuration."""
    from node.inference.decoder import decode
    from node.inference.predictor import load

    def load_model() -> ScreeningModel:
        predictor = load(config.model.bundle, config.model.device, config.model.threads)
        decision = decision_policy(config, predictor.thresholds)
        admission = require_gate(admission_policy(config), predictor.has_gate)
        return ScreeningModel(predictor, admission, decision, config.model.batch)

    reader = FileReader(admission_policy(config), int(config.dicom.max_object), decode)
    return screen(request, reader, load_model, stop, progress)
