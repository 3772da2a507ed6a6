"""Parts of drift: summaries of columns, distances between them, what chance alone does, and what is broken."""
