"""MRC files written by hand, byte by byte, for what no library writes."""

import struct


def header_block(shape=(4, 6, 8), mode=2, axes=(1, 2, 3), stamp=b"MAP ", machine=b"DD\0\0", order="<", extended=0):
    """An MRC header written by hand: shape is (sections, rows, columns), 10 Å voxels."""
    sections, rows, columns = shape
    block = bytearray(1024)
    struct.pack_into(order + "10i", block, 0, columns, rows, sections, mode, 7, 8, 9, columns, rows, sections)
    struct.pack_into(order + "3f", block, 40, columns * 10.0, rows * 10.0, sections * 10.0)
    struct.pack_into(order + "3i", block, 64, *axes)
    struct.pack_into(order + "i", block, 92, extended)
    struct.pack_into(order + "3f", block, 196, 1.0, 2.0, 3.0)
    block[208:212], block[212:216] = stamp, machine
    return block
