"""`python -m tests.crawler.another_time MOMENT`: the real child, whose clock says MOMENT when it starts."""

from __future__ import annotations

import sys
from datetime import datetime

from crawler.supervise import utc_now
from tests.crawler.child import main

if __name__ == "__main__":
    ahead = datetime.fromisoformat(sys.argv[1]) - utc_now()
    sys.exit(main(lambda: utc_now() + ahead))
