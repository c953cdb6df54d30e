"""Paper trading: accounts, their books and the rules by which they trade."""
