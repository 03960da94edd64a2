"""Bodies too large to hold: spooled as they arrive."""

import tempfile
from typing import IO

from fastapi import Request

#: Larger bodies, and larger answers, wait on disk.
IN_MEMORY_BYTES = 2**20
#: Bytes read at once.
CHUNK = 2**16


def spool() -> IO[bytes]:
    """Return an empty file that is held in memory while it is small; the caller closes it."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)


async def spooled(request: Request) -> IO[bytes]:
    """Return the whole body as a file at its start; the caller closes it."""
    file = spool()
    try:
        async for chunk in request.stream():
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
