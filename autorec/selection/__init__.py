"""Optuna's part: survivors of a generation, and what a policy tries next."""
