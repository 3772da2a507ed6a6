"""Tables: read, checked, given roles, split and described."""
