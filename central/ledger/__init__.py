"""The ledger: every row of every device's journal, and what follows from them."""
