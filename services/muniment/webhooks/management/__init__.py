"""What people see of deliveries and may ask for: attempts, status, replays, single messages."""
