"""Models: trained, loaded, recorded; how they predict and decide."""
