"""Training runs as commands and as a job beside the engine."""
