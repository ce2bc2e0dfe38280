"""The one error that is meant for people."""


class Refusal(Exception):
    """What was expected, what came, and in `fix` what to do next; shown without a traceback."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix
