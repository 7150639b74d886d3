"""What a ticket allows: the one rule engine for gate, kiosk, handheld, hub and central."""
