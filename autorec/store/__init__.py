"""What a run leaves on disk: events (SQLite), objects (content-addressed), and the folder that holds both."""
