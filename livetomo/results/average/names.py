"""What the files of averages are called."""

AVERAGES = "average"
"""Their folder, in a session's."""
ENDINGS = ("_half1.mrc", "_half2.mrc", ".mrc", ".png", ".json")
"""What follows the feature's name in the files that are for people."""
TOTAL = "_total.npz"
"""What follows it in its running total, which is for the daemon alone."""
