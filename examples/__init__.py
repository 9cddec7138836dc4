"""What a user would copy, and the demo that shows it all at work."""
