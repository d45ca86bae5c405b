"""What every process needs: settings, logs, metrics, and how to live and die."""
