"""The CNN-LSTM family: a network with a tower for each head, and how it is fitted."""
