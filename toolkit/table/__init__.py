"""What `toolkit.data` and `toolkit.splitting` are made of: reading a table, its columns, and the checks of them."""
