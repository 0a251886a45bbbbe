"""A broker's day as files, read into one stream of events (semantics.md section 9)."""

from feeds.book_files.merge import BookDirectory, Place, QuoteRun, read_book_directory
from feeds.book_files.schema import FILE_NAMES

__all__ = ["FILE_NAMES", "BookDirectory", "Place", "QuoteRun", "read_book_directory"]
