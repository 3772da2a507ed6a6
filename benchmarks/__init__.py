"""What things cost, printed side by side; nothing here passes or fails."""
