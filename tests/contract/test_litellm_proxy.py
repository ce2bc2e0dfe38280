"""The client against a real peer: litellm's proxy, which answers with `mock_response`. Opt-in: `make proxy`.

The proxy lives in an environment of its own, for it wants an older rich than this project. AUTOREC_LITELLM_PROXY names
its command.
"""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorec.domain.errors import ModelError
from autorec.llm.client import NoAnswer
from autorec.llm.open import open_client
from autorec.llm.retries import Retries
from tests.contract.model_calls import ask, closed_port

MASTER_KEY = "sk-autorec-proxy"
STARTS_WITHIN_S = 120
REPLY = "hypothesis: what is asked often is answered often"
CONFIG = f"""
model_list:
  - model_name: mocked
    litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: "{REPLY}"}}
  - model_name: limited
    litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: "litellm.RateLimitError"}}
general_settings: {{master_key: {MASTER_KEY}}}
litellm_settings: {{num_retries: 0, telemetry: false}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[str]:
    """The address of a proxy that is up."""
    command = os.environ.get("AUTOREC_LITELLM_PROXY")
    if not command:
        pytest.skip(
            "no real proxy: AUTOREC_LITELLM_PROXY names no `litellm` command; `make proxy` installs and uses one"
        )
    folder, port = tmp_path_factory.mktemp("proxy"), closed_port()
    (folder / "config.yaml").write_text(CONFIG)
    arguments = [command, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            arguments, cwd=folder, stdout=log, stderr=log, env={**kept, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        )
        try:
            _wait_for(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(port: int, process: subprocess.Popen, log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"the proxy did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def model(proxy: str, name: str):
    return open_client(name, api_base=proxy, retries=Retries(attempts=2, first_s=0.1))


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", MASTER_KEY)


def test_a_streamed_answer_comes_whole_with_its_usage(proxy):
    client = model(proxy, "mocked")
    client.check()
    answer = ask(client, deadline_s=60)
    assert (answer.text, answer.finish_reason, answer.broken) == (REPLY, "stop", ())
    assert answer.prompt_tokens > 0
    assert answer.reply_tokens > 0
    assert answer.notes == ()


def test_a_rate_limit_is_tried_again_and_then_told(proxy):
    with pytest.raises(NoAnswer, match="in 2 tries; the last: status 429"):
        ask(model(proxy, "limited"), deadline_s=60)


def test_an_unknown_model_is_no_reason_to_try_again(proxy):
    with pytest.raises(ModelError) as caught:
        ask(model(proxy, "nobody"), deadline_s=60)
    assert "tries" not in str(caught.value)
