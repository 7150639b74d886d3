"""The page of who holds a ticket: its code, and the phone that the moving code belongs to."""
