"""What an administrator makes for the dialects: projects, and keys to them."""
