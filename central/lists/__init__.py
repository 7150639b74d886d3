"""The whitelist: its changes, its snapshots, and how devices get them."""
