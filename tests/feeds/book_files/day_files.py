"""Small book directories for tests: one instrument, one account and one quote unless told more."""

from __future__ import annotations

import gzip
from pathlib import Path

INSTRUMENTS = """\
symbol,asset_class,base,quote,contract_size,digits,calc_mode
EURUSD,fx,EUR,USD,100000,5,forex
USDJPY,fx,USD,JPY,100000,3,forex
"""
ACCOUNTS = """\
login,client_id,currency,balance,leverage,book
0042,C1,USD,1000,100,A
43,C2,EUR,500,30,B
"""
QUOTES = """\
ts_ms,symbol,bid,ask
1000,EURUSD,1.10000,1.10010
"""


def write_book(directory: Path, **files: str | bytes | None) -> Path:
    """Write a book directory; a file named ``deals`` is ``deals.csv``, None leaves one out."""
    directory.mkdir(parents=True, exist_ok=True)
    contents = {"instruments": INSTRUMENTS, "accounts": ACCOUNTS, "quotes": QUOTES} | files
    for name, content in contents.items():
        if content is not None:
            data = content.encode() if isinstance(content, str) else content
            (directory / f"{name}.csv").write_bytes(data)
    return directory


def packed(text: str) -> bytes:
    """Return text as gzip does it, the same bytes every time."""
    return gzip.compress(text.encode(), mtime=0)
