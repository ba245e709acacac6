"""What the linter finds by itself, beside its rules: pages like theirs, with no check of their own."""
