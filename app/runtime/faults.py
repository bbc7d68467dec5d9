"""What stops a start."""


class CannotStart(Exception):
    """The program can't run as things are; the text says what to do about it, for people, and holds no secret."""
