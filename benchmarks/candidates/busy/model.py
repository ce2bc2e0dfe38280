"""A recommender whose prediction costs nothing beside its training."""

import torch


class Busy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(64))

    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)


def build(data, params):
    return Busy()
