"""What a model card is made of: reports, the author's part, sections, and the same content in other formats."""
