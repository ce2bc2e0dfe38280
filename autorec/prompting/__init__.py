"""From facts to a prompt, and from a reply to files: rendering, strict parsing, edits, admission."""
