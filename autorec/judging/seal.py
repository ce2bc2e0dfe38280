"""The seal of the test, the same for every judge: its labels are not even asked for before the ledger is."""

from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Judged
from autorec.domain.job import Part
from autorec.judging.ledger import Opening
from autorec.ports import Judge


class SealedJudge:
    """A judge that refuses the test until it is unsealed; implements `ports.Judge`."""

    def __init__(self, inner: Judge) -> None:
        self._inner = inner
        self._opening: Opening | None = None

    def unseal(self, opening: Opening) -> None:
        """Allow judging on the test, now that the ledger holds its opening."""
        self._opening = opening

    def judge(self, predictions: bytes, part: Part) -> Judged:
        """See `ports.Judge`.

        Raises UsageError for the sealed test.
        """
        if part is Part.TEST and self._opening is None:
            raise UsageError(
                "the test is sealed: it was asked for before the ledger held its opening",
                fix="enter the opening with `TestLedger.open` and hand it to `unseal`",
            )
        return self._inner.judge(predictions, part)
