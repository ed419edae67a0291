"""What other files say of a tomogram: read leniently, reported honestly, one file per program."""
