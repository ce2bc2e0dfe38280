"""What kind of thing a candidate is, read off its code: which ideas it is built of, and what it is trained for.

Names and calls tell, never comments, docstrings or a hypothesis: what is said is not what is done. A reading by names
is rough, and is told to a model as such.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What stands in some sources: `names` are identifiers in lower case, `words` what these consist of, one letter
    apart. `margin`: a loss of the difference of two scores.
    """

    names: frozenset[str]
    words: frozenset[str]
    margin: bool

    def has(self, *wanted: str) -> bool:
        """Whether any of these is a name or a word of one."""
        return not (self.names | self.words).isdisjoint(wanted)


Kind = Callable[[Code], bool]


def _any(*wanted: str) -> Kind:
    return lambda code: code.has(*wanted)


_SOLVED = ("inv", "pinv", "solve", "cho_solve", "cholesky", "lstsq", "eigh", "svd", "svds", "svd_lowrank")
_SOFTMAX = ("cross_entropy", "log_softmax", "logsumexp")
_DRAWN = ("negative", "negatives", "sampled", "offered", "log_q", "randint", "multinomial")
_GRADIENT = ("backward", "grad")
_DESCENT = ("lasso", "elastic")
_lasso = _any(*_DESCENT)
_BLEND = _any("blend", "blended", "ensemble", "standardise", "standardize", "zscore", "stacking")
_TIME = _any("timestamps", "times", "hour", "weekday", "gaps", "elapsed")
_ATTENTION = _any("attention", "attend", "transformer", "multiheadattention", "scaled_dot_product_attention")


def _margin(code: Code) -> bool:
    return code.margin or code.has("bpr", "margin_ranking_loss", "hinge", "warp")


def _pointwise(code: Code) -> bool:
    by_hand = code.has("softplus", "logsigmoid") and not _margin(code)
    return by_hand or code.has("binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "bce", "gbce")


def _counted(code: Code) -> bool:
    return not code.has(*_GRADIENT, *_SOLVED, *_DESCENT)


def _neighbours(code: Code) -> bool:
    return code.has("knn", "itemknn", "userknn") or (code.has("similarity", "similarities") and not _lasso(code))


KINDS: Mapping[str, Mapping[str, Kind]] = {
    "retrieval": {
        "attention": _ATTENTION,
        "recurrence": _any("gru", "lstm", "rnn", "recurrent", "recurrence", "mamba", "ssm"),
        "convolution or filters": _any("conv1d", "conv2d", "convolution", "causal_convolution", "fft", "rfft", "irfft"),
        "graph propagation": _any("graph", "propagate", "propagation", "lightgcn", "gcn", "laplacian"),
        "linear item to item": _any("ease", "slim", "slist", "gram", "lasso"),
        "transitions between items": _any("transition", "transitions", "markov", "bigram", "after"),
        "nearest neighbours": _neighbours,
        "factorization": _any("factorization", "factorisation", "svds", "svd_lowrank", "als", "nmf"),
        "two towers": _any("tower", "towers"),
        "autoencoder": _any("autoencoder", "vae", "decoder", "reparametrise", "reparameterize"),
        "several interests a user": _any("interests", "capsule", "capsules", "prototypes"),
        "mixture of experts": _any("expert", "experts", "router"),
        "content features": _any("item_features", "user_features", "featurevectors", "multi_hot"),
        "calendar time": _TIME,
        "recency": _any("recency", "half_life", "half_lives", "ranks_from_end"),
        "popularity counts": _any("item_counts", "popularity", "item_bias"),
        "blend of scorers": _BLEND,
        "full softmax loss": lambda code: code.has(*_SOFTMAX) and not code.has(*_DRAWN),
        "sampled softmax loss": lambda code: code.has(*_SOFTMAX) and code.has(*_DRAWN),
        "pairwise loss (BPR)": _margin,
        "pointwise loss": _pointwise,
        "contrastive loss": _any("contrastive", "info_nce", "infonce", "nt_xent"),
        "closed form": _any(*_SOLVED),
        "counting": _counted,
    },
    "ranking": {
        "products of two fields": _any("pairwise", "triu", "fm", "ffm", "products", "bilinear"),
        "cross layers": _any("cross", "crossed", "crosses"),
        "deep part": _any("relu", "gelu", "silu", "leaky_relu", "mlp", "prelu"),
        "attention over fields": _ATTENTION,
        "gates on fields": _any("gate", "gates", "gated", "excitation", "film"),
        "convolution over fields": _any("conv1d", "conv2d", "convolution"),
        "mixture of experts": _any("expert", "experts", "router"),
        "trees": _any("tree", "trees", "gbdt", "boosting", "stump", "stumps"),
        "numbers in bins": _any("bins", "bucketize", "searchsorted"),
        "numbers as logarithms": _any("log1p", "log2", "log10"),
        "hashed embeddings": _any("hash", "hashes", "hashed", "remainder"),
        "target statistics": _any("target_encoding", "smoothed_rate", "click_rates", "rates"),
        "history of the user": _any("users", "n_users", "history"),
        "calendar time": _TIME,
        "averaged weights": _any("averagedmodel", "swa", "ema", "moving_average"),
        "blend of scorers": _BLEND,
        "log loss": lambda code: _pointwise(code) or code.has("nll_loss"),
        "pairwise loss": _margin,
        "focal loss": _any("focal", "focal_loss"),
        "counting": _counted,
    },
}
"""By role: what it is called, and when a candidate is of that kind. One may be of several."""

NEEDS: Mapping[str, tuple[str, ...]] = {
    "content features": ("item_features", "user_features"),
    "calendar time": ("days",),
    "history of the user": ("users",),
}
"""Kinds that need something of the data: one of these figures of the task must be there and more than 0."""


def may_be(kind: str, statistics: Mapping[str, float]) -> bool:
    """Whether the data has what a kind needs; where there are no figures nobody knows, and it may."""
    return not statistics or kind not in NEEDS or any(statistics.get(name) for name in NEEDS[kind])


def kinds_of(files: Mapping[str, str], role: str) -> tuple[str, ...]:
    """The kinds that a candidate's sources (path -> text) are of, in the order of `KINDS`; none of an unknown role."""
    code = read(files)
    return tuple(name for name, is_of in KINDS.get(role, {}).items() if is_of(code))


def read(files: Mapping[str, str]) -> Code:
    """What stands in the Python files; one that does not parse counts for nothing."""
    names: set[str] = set()
    margin = False
    for path in sorted(files):
        if not path.endswith(".py"):
            continue
        for node in ast.walk(parsed(files[path])):
            names.update(_named(node))
            margin = margin or _is_margin(node)
    words = {word.lower() for name in names if "cross_entropy" not in name for word in _WORD.findall(name)}
    return Code(names=frozenset(name.lower() for name in names), words=frozenset(words), margin=margin)


def parsed(text: str) -> ast.Module:
    """The tree of one file; an empty one where it does not parse."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.alias(name=name):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
            yield name


def _is_margin(node: ast.AST) -> bool:
    """`softplus(a - b)` or `logsigmoid(a - b)` of two scores; `softplus(-a - c)` is one score and a constant."""
    match node:
        case ast.Call(func=ast.Attribute(attr=called), args=[ast.BinOp(op=ast.Sub(), left=left, right=right), *_]):
            scores = not isinstance(left, ast.UnaryOp | ast.Constant) and not isinstance(right, ast.Constant)
            return called in ("softplus", "logsigmoid") and scores
    return False
