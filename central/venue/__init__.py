"""The venue and what it sells: checkpoints, events, classes, tickets, keys, devices."""
