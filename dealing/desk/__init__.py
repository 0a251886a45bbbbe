"""The desk in a browser: Dash pages, one live stream and the door in front of both."""

from dealing.desk.application import create_desk
from dealing.desk.options import DeskOptions

__all__ = ["DeskOptions", "create_desk"]
