"""How fast it is, on the machine it runs on: `make bench`. Nothing here is a test."""
