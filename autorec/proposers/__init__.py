"""Writers of candidates: a language model, a policy over the action space, people, and who writes when."""
