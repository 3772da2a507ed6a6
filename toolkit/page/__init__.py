"""What `toolkit.report` is made of: from a notebook and its results to the parts of a page."""
