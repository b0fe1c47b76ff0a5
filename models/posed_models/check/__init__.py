"""How good a network is, and what its card says of it."""
