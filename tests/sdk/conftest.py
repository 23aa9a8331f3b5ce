"""The client is a package of its own, in sdk/; here it is tested as it stands there."""

import sys
from pathlib import Path

SDK = str(Path(__file__).parents[2] / "sdk")
if SDK not in sys.path:
    sys.path.insert(0, SDK)
