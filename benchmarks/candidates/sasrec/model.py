import torch
from torch import nn

LENGTH, WIDTH = 50, 64


class SASRec(nn.Module):
    def __init__(self, n_items):
        super().__init__()
        self.items = nn.Embedding(n_items + 1, WIDTH, padding_idx=n_items)
        self.places = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 256, 0.2, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.register_buffer("causal", torch.ones(LENGTH, LENGTH).triu(1).bool(), persistent=False)

    def forward(self, sequences):
        x = self.items(sequences) + self.places.weight
        return self.layers(x, mask=self.causal)

    def score(self, history, users):
        return self(history.sequences(LENGTH, users))[:, -1] @ self.items.weight[:-1].T


def build(data, params):
    return SASRec(data.n_items)
