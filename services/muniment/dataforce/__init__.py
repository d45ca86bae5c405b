"""DataForce's and LUML's clients: organizations, orbits, collections over the same log."""
