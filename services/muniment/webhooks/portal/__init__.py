"""The page for those who operate webhooks."""
