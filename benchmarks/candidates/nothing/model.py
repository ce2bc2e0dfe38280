import time

print(f"first line {time.monotonic()!r}", flush=True)

import torch  # noqa: E402


class Nothing(torch.nn.Module):
    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)


def build(data, params):
    return Nothing()
