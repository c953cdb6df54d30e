"""The ensemble: models of several families whose probabilities are averaged."""
