"""Settings, wiring, daemon and commands."""
