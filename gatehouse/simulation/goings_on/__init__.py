"""What happens: people come and leave, somebody sets a lane, things break and burn."""
