"""Compresses what is stored by the million: documents of an approval, records of a checkpoint.

Most of such a document is the names of its fields, which another one has too. So both sides know them beforehand, as a
*dictionary* of deflate (https://www.rfc-editor.org/rfc/rfc1950#section-2.2): a request of 1 kB takes 0.2 kB. What was
written with a dictionary can be read with that very dictionary alone: never change one, add another under a new mark.

Decisions:
* Nothing above `MOST` bytes is compressed: it would hold up the event loop, and a large text is rarely stored in large
  numbers. For the same reason nothing longer is inflated: a few bytes of somebody else's could fill the memory.
* A window of 4 kB and little memory: to begin costs more than to compress 1 kB, and so it takes 11 us in place of 55.
"""

import zlib
from typing import Final

MOST: Final = 1 << 16
_LEVEL, _WINDOW, _MEMORY = 6, 12, 5


class Compact:
    """Deflates with a dictionary. Safe to use from several threads."""

    def __init__(self, dictionary: bytes) -> None:
        self._deflater = zlib.compressobj(
            _LEVEL, zlib.DEFLATED, -_WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, zdict=dictionary
        )
        self._inflater = zlib.decompressobj(-_WINDOW, zdict=dictionary)

    def deflate(self, plain: bytes, enough: int = 0) -> bytes | None:
        """Compress; None if `plain` is too long, or if that does not save more than `enough` bytes."""
        if len(plain) > MOST:
            return None
        deflater = self._deflater.copy()
        packed = deflater.compress(plain) + deflater.flush()
        return packed if len(packed) + enough < len(plain) else None

    def inflate(self, packed: bytes) -> bytes:
        """Undo `deflate`. Raises ValueError for anything else."""
        inflater = self._inflater.copy()
        try:
            plain = inflater.decompress(packed, MOST + 1)
        except zlib.error as error:
            raise ValueError("it is not what was compressed") from error
        if not inflater.eof or inflater.unused_data or len(plain) > MOST:
            raise ValueError("it is cut short, or longer than what is compressed")
        return plain
