"""Quality figures: what one is, which there are, and what is usual and good for a session."""
