"""What a candidate may import besides torch, numpy, scipy and the standard library.

    data = reckit.open_data("/data")             # the harness does this; build and fit receive it
    data.items, data.timestamps, data.indptr     # memory-mapped tensors, sorted by user, then time
    data.csr()                                   # scipy csr_matrix [n_users, n_items], ones
    data.sequences(50)                           # LongTensor [n_users, 50], left-padded with n_items
    data.times(50)                               # LongTensor [n_users, 50], the seconds beside it
    history.recency(2.0, users)                  # csr_matrix [b, n_items], the newest event weighs most
    reckit.uniform_negatives(data, users, 4, generator, avoid_seen=True)   # LongTensor [b, 4]

    for rows in data.batches(1024, generator):   # of a click model: rows.numeric, rows.categorical, rows.labels

`Data` is what a model is trained on, `History` what is known at prediction time; both are an `EventLog`, so what
works on one works on the other. Click models are trained on `Rows` and asked about others.
Nothing here needs a Python loop over interactions.
"""

from reckit.bundle import Categorical, Data, History, open_history
from reckit.events import EventLog
from reckit.features import FeatureVectors
from reckit.opening import open_data
from reckit.rows import Rows, open_rows
from reckit.sampling import batches, popularity_negatives, popularity_shares, uniform_negatives
from reckit.topk import masked_topk

__all__ = [
    "Categorical",
    "Data",
    "EventLog",
    "FeatureVectors",
    "History",
    "Rows",
    "batches",
    "masked_topk",
    "open_data",
    "open_history",
    "open_rows",
    "popularity_negatives",
    "popularity_shares",
    "uniform_negatives",
]
