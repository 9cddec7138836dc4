"""The pages: each reads what it needs and says how it looks."""
