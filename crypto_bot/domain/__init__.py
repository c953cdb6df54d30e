"""The words of the trade: frozen values and pure functions, standard library only."""
