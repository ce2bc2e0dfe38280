"""Features of users or items as learned vectors."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reckit.bundle import Categorical, Feature


class FeatureVectors(nn.Module):
    """A learned vector for each user or item: the sum over its features, zero where there are none.

    A categorical feature gives the mean of its codes' embeddings, a numeric one its standardised value (0 where
    missing) times a learned direction. The state holds the learned part alone; the features come with the data.
    """

    def __init__(self, features: Mapping[str, Feature], n: int, dim: int, *, std: float = 0.02) -> None:
        super().__init__()
        self._categorical = [feature for feature in features.values() if isinstance(feature, Categorical)]
        numbers = [_standardised(feature) for feature in features.values() if isinstance(feature, Tensor)]
        self._numbers = torch.stack(numbers, 1) if numbers else torch.zeros(n, 0)  # [n, n_numeric]
        self.codes = nn.ParameterList(torch.randn(feature.n_codes, dim) * std for feature in self._categorical)
        self.directions = nn.Parameter(torch.randn(self._numbers.shape[1], dim) * std)

    def forward(self, rows: Tensor | None = None) -> Tensor:
        """The vectors of `rows`, of any shape [...]: [..., dim]; of all [n, dim] when none are named."""
        if rows is None:
            rows = torch.arange(len(self._numbers))
        flat = rows.flatten()
        vectors = self._numbers[flat] @ self.directions
        for feature, weight in zip(self._categorical, self.codes, strict=True):
            codes, starts = feature.take(flat)
            vectors = vectors + F.embedding_bag(codes, weight, starts, mode="mean")
        return vectors.unflatten(0, rows.shape)


def _standardised(values: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1 over what is known, 0 where missing: float32 [n]."""
    known = ~torch.isnan(values)
    if not known.any():
        return torch.zeros_like(values)
    centred = values - values[known].mean()
    deviation = centred[known].square().mean().sqrt()
    return torch.where(known, centred / deviation.clamp(min=1e-6), 0.0)
