import subprocess
import sys

import autorec

NAMES = {
    "AutorecError",
    "Candidate",
    "Desk",
    "Operator",
    "Plan",
    "Proposal",
    "SearchConfig",
    "State",
    "begin",
    "evaluate_candidate",
    "load_config",
    "load_data",
    "measure_baselines",
    "read",
    "read_candidate",
    "replay",
    "resume",
    "retrain",
}


def test_the_public_names_are_these():
    assert set(autorec.__all__) == NAMES
    assert all(getattr(autorec, name) for name in NAMES)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from autorec.cli.main import app; import typer.main; typer.main.get_command(app);"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "litellm", "openai", "optuna", "numpy", "pydantic"):
        assert repr(heavy) not in loaded
