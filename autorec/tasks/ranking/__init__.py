"""The role *ranking*: rows with features, and the probability of a click for each."""
