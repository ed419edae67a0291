"""The average of a session's particles, from what each result holds of it."""
