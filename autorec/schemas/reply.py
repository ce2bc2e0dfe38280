"""The header of a model's reply: what it claims, before the files."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Header(BaseModel):
    """A falsifiable sentence, the effect that it predicts, and what the candidate does that others do not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hypothesis: Sentence
    predicted_effect: Sentence
    what_is_new: Sentence
