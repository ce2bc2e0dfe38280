"""Where trainings run: sandboxes, what watches them, and how a job ends."""
