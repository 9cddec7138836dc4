"""Who may come in: tokens, TLS, and how much at once."""
