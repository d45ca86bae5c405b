"""The core: pure functions over frozen data. It decides what may happen and what has happened."""
