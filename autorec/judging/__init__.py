"""The judge: safe reading, metrics, the sealed test, evidence. It alone holds held-out labels."""
