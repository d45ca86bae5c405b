"""What the operator has set that bears on webhooks."""

from dataclasses import dataclass

from muniment.domain.webhooks.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRules:
    """How secrets are kept, and where deliveries may go."""

    sealer: Sealer
    https_only: bool = False
