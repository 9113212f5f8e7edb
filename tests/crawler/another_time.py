"""`python -m tests.crawler.another_time MOMENT LATER FILE`: the real child, whose clock shows MOMENT until
FILE exists, and LATER from then on.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from tests.crawler.child import main

if __name__ == "__main__":
    moment, later = map(datetime.fromisoformat, sys.argv[1:3])
    sys.exit(main(lambda: later if Path(sys.argv[3]).exists() else moment))
