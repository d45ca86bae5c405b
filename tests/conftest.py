"""What every suite may ask for; nothing is started until a test does."""

pytest_plugins = (
    "tests.support.stack",
    "tests.support.server",
    "tests.support.cluster",
    "tests.support.batching",
    "tests.support.by_section",
)
