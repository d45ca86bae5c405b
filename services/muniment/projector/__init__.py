"""Folds the log into the read model: the only writer of its tables."""
