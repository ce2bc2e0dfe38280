"""So many steps of SASRec, or until the time is up."""

import reckit
import torch


def fit(recommender, data, params, run):
    generator = torch.Generator().manual_seed(run.seed)
    optimizer = torch.optim.AdamW(recommender.parameters(), lr=1e-3)
    sequences = data.sequences(51)
    epoch = steps = 0
    while steps < params.steps:
        for users in reckit.batches(data.n_users, 128, generator):
            batch = sequences[users]
            scores = recommender(batch[:, :-1]) @ recommender.items.weight[:-1].T
            loss = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), batch[:, 1:].flatten(), ignore_index=data.n_items
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
        epoch += 1
        run.log(epoch=epoch, loss=loss.item())
        run.checkpoint(recommender)
