"""What time it is and how long things take; with ``SOURCE_DATE_EPOCH`` set, a report depends on neither."""

import math
import os
import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, or the one that ``SOURCE_DATE_EPOCH`` names, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC).astimezone()


def clock() -> float:
    """Return seconds from which to tell how long something takes; nan where ``SOURCE_DATE_EPOCH`` is set."""
    return math.nan if os.environ.get("SOURCE_DATE_EPOCH") else time.perf_counter()
