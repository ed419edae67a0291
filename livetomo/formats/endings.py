"""What the ending of a file's name says: a compressed volume, a volume of old naming, or another format."""

COMPRESSED = (".gz", ".bz2")
VOLUMES = (".mrc", ".rec")


def plain_path(path: str) -> str:
    """`path` as it would be called without compression, and with the ending of a volume in lower case."""
    plain = path.removesuffix(".gz").removesuffix(".bz2")
    return plain[:-4] + plain[-4:].lower() if plain[-4:].lower() in VOLUMES else plain


def stem(name: str) -> str:
    """The name of a volume's file without its ending, and without that of its compression."""
    plain = plain_path(name)
    return plain.rpartition(".")[0] or plain
