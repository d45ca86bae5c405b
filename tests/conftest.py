"""What every suite may ask for; nothing is started until a test does."""

from hypothesis import settings

# Each run tries the same examples, without a deadline: what fails has been broken by the change at
# hand, not found by chance. `--hypothesis-profile=default` looks for others.
settings.load_profile("ci")

pytest_plugins = (
    "tests.support.stack",
    "tests.support.server",
    "tests.support.cluster",
    "tests.support.batching",
    "tests.support.by_section",
    "tests.support.tools",
)
