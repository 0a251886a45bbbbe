"""The parts of the screen: each a pure view, a layout and its callbacks, in that order."""
