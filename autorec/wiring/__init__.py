"""The composition root: builds runs, and trials without a run, from a configuration. Adapters meet nowhere else."""

from autorec.wiring.approving import approve, awaiting
from autorec.wiring.cassette import extract
from autorec.wiring.check import check_data
from autorec.wiring.comparisons import Comparison, against_baselines
from autorec.wiring.integrity import demand
from autorec.wiring.pausing import go_on, pause, will_be_paused
from autorec.wiring.reader import RunReader, read
from autorec.wiring.replaying import Replay, open_recording, replay
from autorec.wiring.retraining import retrain
from autorec.wiring.sitting import Sitting, begin, resume
from autorec.wiring.steering import Receipt, ban, hypothesize, pin, stop, weigh_hypotheses
from autorec.wiring.stored import refuse_replay, stored_config
from autorec.wiring.task import load_data, settle
from autorec.wiring.trial import choose_in_time, evaluate_candidate, measure_baselines, read_candidate

__all__ = [
    "Comparison",
    "Receipt",
    "Replay",
    "RunReader",
    "Sitting",
    "against_baselines",
    "approve",
    "awaiting",
    "ban",
    "begin",
    "check_data",
    "choose_in_time",
    "demand",
    "evaluate_candidate",
    "extract",
    "go_on",
    "hypothesize",
    "load_data",
    "measure_baselines",
    "open_recording",
    "pause",
    "pin",
    "read",
    "read_candidate",
    "refuse_replay",
    "replay",
    "resume",
    "retrain",
    "settle",
    "stop",
    "stored_config",
    "weigh_hypotheses",
    "will_be_paused",
]
