"""The nouns of the house: frozen, without I/O, known to every room."""
