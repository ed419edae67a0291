"""Result folders and what is derived from them."""
