"""Central as the doors know it, light or by its own code: ledger, claims, exchange, keys."""
