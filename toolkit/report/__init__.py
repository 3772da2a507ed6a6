"""An executed notebook becomes one HTML page."""
