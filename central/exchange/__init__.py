"""Papers: which were granted to which kiosk, what became of each, and the books of them."""
