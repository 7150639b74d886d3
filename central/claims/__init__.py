"""Claims on rights, answered by central where a venue has no hub."""
