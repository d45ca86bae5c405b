"""What the operator has set that a decision depends on."""

from dataclasses import dataclass, field

from muniment.domain.permissions import Granted
from muniment.domain.schemas import SchemaCache
from muniment.domain.webhooks.rules import WebhookRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Settings of the core, and the schemas it has compiled."""

    granted: Granted = field(default_factory=Granted)
    explicit_permissions: bool = True
    """Whether who writes an object is added to its `write` list (PERM-12)."""
    validates_records: bool = True
    """Whether JSON Schemas are enforced and records stamped (section 15)."""
    schemas: SchemaCache = field(default_factory=SchemaCache)
    webhooks: WebhookRules | None = None
    """`None` where there are no webhooks."""
