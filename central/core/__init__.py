"""Central's own rules: pure."""
