"""What is taken away: a folder made whole or not at all, code copied as bytes, a model card."""
