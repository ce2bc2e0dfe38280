"""Candidates that people hand in, `--seed-code DIR`."""

from autorec.schemas.config import SearchConfig


def read_seeds(config: SearchConfig) -> dict[str, dict[str, str]]:
    """Sources by the last name of their folder: plans tell it, and where it lies is nobody else's business."""
    from autorec.proposers.human import read_seed_code

    seeds: dict[str, dict[str, str]] = {}
    for folder in dict.fromkeys(config.seed_code):
        name = folder.absolute().name
        same = sum(known == name or known.startswith(f"{name} (") for known in seeds)
        seeds[f"{name} ({same + 1})" if same else name] = read_seed_code(folder)
    return seeds
