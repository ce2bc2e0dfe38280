"""The nouns of autorec: frozen dataclasses and pure functions, standard library only."""
