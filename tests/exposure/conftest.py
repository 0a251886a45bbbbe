"""Which tests of the core run only in their long form (`make test-all`).

The stateful machine has not yet been seen to end within a minute on a quiet machine.
"""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("PLIMSOLL_LONG_TESTS") == "1" else ["test_engine_stateful.py"]
