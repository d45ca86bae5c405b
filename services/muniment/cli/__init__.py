"""The command line: reads flags and settings, then hands over to what does the work."""
