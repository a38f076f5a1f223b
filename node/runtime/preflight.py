"""Check, without loading a model, that the roles could start with a configuration."""

from node.challenger.setup import require_challenger
from node.config.settings import Config
from node.drift.setup import alarm_channels
from node.policies import admission_policy, callers, decision_policy, require_gate, routes
from node.runtime.audit_setup import audit_shipper
from node.runtime.factories import connect_destination
from node.security.tls import server_context


def require_usable(config: Config) -> None:
    """Raise Misconfigured, with the key, if a card, font, certificate or secret is unusable."""
    from node.inference.card_summary import CardSummary
    from node.results.fonts import typeface_for
    from node.results.translations.languages import Language

    card = CardSummary.read(config.model.bundle)
    decision_policy(config, card.thresholds)
    require_gate(admission_policy(config), card.has_gate)
    callers(config)
    routes(config)
    if config.challenger is not None:
        require_challenger(config)
    typeface_for(Language(config.results.language), config.results.font)
    if config.dicom.tls is not None:
        server_context(config.dicom.tls)
    for destination in config.destinations:
        connect_destination(destination, config.dicom.ae_title)
    alarm_channels(config)
    audit_shipper(config)
