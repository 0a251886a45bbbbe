"""Real recordings that ship with the product: it runs and is tested without a download.

Sources and licences are in ``ATTRIBUTION.md`` beside this module.
"""

from __future__ import annotations

from pathlib import Path

FX_SAMPLE = "fx_2014-05-08"
CRYPTO_SAMPLE = "crypto_2024-08-08"


def sample_directory(name: str = FX_SAMPLE) -> Path:
    """Return the folder of a shipped recording, by default the ECB press conference of 2014."""
    return Path(__file__).parent / name
