"""Executors of training jobs: one process, several, a stack on a GPU, a cluster."""
