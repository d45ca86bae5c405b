"""The command service: decides writes as the one owner of a partition, and appends them."""
