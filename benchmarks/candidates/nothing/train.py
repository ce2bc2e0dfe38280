def fit(recommender, data, params, run):
    run.checkpoint(recommender)
