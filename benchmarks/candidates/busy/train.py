import torch


def fit(recommender, data, params, run):
    optimizer = torch.optim.SGD(recommender.parameters(), lr=1e-6)
    while True:
        for _ in range(100):
            optimizer.zero_grad()
            (recommender.weight @ recommender.weight).sum().backward()
            optimizer.step()
        run.checkpoint(recommender)
