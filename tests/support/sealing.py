"""Rules for webhooks, with a real sealer."""

from typing import Final

from muniment.domain.rules import Rules
from muniment.domain.webhooks.rules import WebhookRules
from muniment.runtime.sealing import AesSivSealer

SEALER: Final = AesSivSealer([b"a key"], master=b"a master")
WEBHOOK_RULES: Final = WebhookRules(sealer=SEALER)
RULES: Final = Rules(webhooks=WEBHOOK_RULES)
