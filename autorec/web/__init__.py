"""What a run looks like in a browser: one file, no network, no script."""
