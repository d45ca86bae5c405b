"""Filters of CocoBase's listings: parsed once, held against rows in SQL or documents in memory."""
