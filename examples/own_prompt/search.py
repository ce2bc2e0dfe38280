"""Extend a prompt, and look at what the model was told: `python search.py`.

A scripted server stands in for a language model, so that nothing is paid for and no key is needed. With a model of
yours it is `autorec search --data ../world.csv --llm provider/model --prompts prompts`.
"""

import json
import os
from pathlib import Path

import autorec
from autorec.testing.llm_server import ScriptedServer
from autorec.testing.replies import ScriptedDesigner

HERE = Path(__file__).parent


def main() -> None:
    """Search with the prompts of this folder, and print the end of the first draft's prompt."""
    os.environ.setdefault("OPENAI_API_KEY", "none-needed")
    with ScriptedServer(ScriptedDesigner()) as server:
        config = autorec.load_config(
            {
                "data": HERE.parent / "world.csv",
                "llm": "openai/scripted",
                "api_base": server.base,
                "prompts": HERE / "prompts",
            }
        )
        with autorec.begin(config, HERE / "run") as sitting:
            sitting.work()
    with autorec.read(HERE / "run") as run:
        draft = next(record for record in run.state.candidates if record.operator is autorec.Operator.DRAFT)
        prompt = json.loads(run.objects.get(draft.exchanges[0]))["prompt"]
    print(prompt[-400:])


if __name__ == "__main__":
    main()
