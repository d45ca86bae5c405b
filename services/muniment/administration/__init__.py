"""What an administrator makes for the dialects: projects, organizations, users, their keys."""
