import pytest

from autorec.domain.errors import UsageError
from autorec.schemas.config import SearchConfig, load_config, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("45", 45), (12.5, 12.5), ("0.5h", 1800), ("2d", 172800)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0", "5x", "nan", "inf", "m20", True])
def test_bad_durations_say_how_to_write_one(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_flags_beat_environment_beat_file_beat_defaults(tmp_path, monkeypatch):
    file = tmp_path / "search.toml"
    file.write_text('budget = "5m"\nseed = 3\nworkers = 7\n')
    monkeypatch.setenv("AUTOREC_SEARCH_SEED", "4")
    monkeypatch.setenv("AUTOREC_SEARCH_WORKERS", "8")
    config = load_config({"workers": 9, "budget": None}, file)
    assert (config.budget, config.seed, config.workers, config.population) == (300, 4, 9, 8)


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path):
    file = tmp_path / "search.toml"
    file.write_text('bugdet = "5m"\n')
    with pytest.raises(UsageError, match=r"search.toml: unknown key 'bugdet'") as caught:
        load_config({}, file)
    assert caught.value.fix == "did you mean 'budget'?"


def test_columns_are_pairs_wherever_they_are_given(tmp_path, monkeypatch):
    expected = {"user": "uid", "item": "sku"}
    assert load_config({"columns": "user=uid, item=sku"}).columns == expected
    file = tmp_path / "search.toml"
    file.write_text('columns = {user = "uid", item = "sku"}\n')
    assert load_config({}, file).columns == expected
    monkeypatch.setenv("AUTOREC_SEARCH_COLUMNS", "user=uid,item=sku")
    assert load_config({}).columns == expected


def test_hypotheses_of_the_environment_are_sentences_and_other_lists_have_commas(monkeypatch):
    monkeypatch.setenv("AUTOREC_SEARCH_HYPOTHESES", "tastes drift, and fast\n\n  the last item, alone, tells\n")
    monkeypatch.setenv("AUTOREC_SEARCH_OBJECTIVES", "ndcg@10, gini@10")
    config = load_config({})
    assert config.hypotheses == ("tastes drift, and fast", "the last item, alone, tells")
    assert config.objectives == ("ndcg@10", "gini@10")


def test_the_longest_reply_is_set_by_the_environment_or_the_file(tmp_path, monkeypatch):
    file = tmp_path / "own.toml"
    file.write_text("llm_max_tokens = 4000\n")
    assert load_config({}).llm_max_tokens == 16_000
    assert load_config({}, file).llm_max_tokens == 4000
    monkeypatch.setenv("AUTOREC_SEARCH_LLM_MAX_TOKENS", "300")
    assert load_config({}, file).llm_max_tokens == 300
    monkeypatch.setenv("AUTOREC_SEARCH_LLM_MAX_TOKENS", "255")
    with pytest.raises(UsageError, match="llm_max_tokens: expected at least 256, got '255'"):
        load_config({})


def test_an_unknown_environment_key_is_refused(monkeypatch):
    monkeypatch.setenv("AUTOREC_SEARCH_POPULATE", "4")
    with pytest.raises(UsageError, match="the environment: unknown key 'populate'"):
        load_config({}, None)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"budget": "soon"}, "budget: 'soon' is not a duration"),
        ({"workers": 0}, "workers"),
        ({"split": "bogus"}, "split"),
        ({"cutoffs": (0, 5)}, "cutoffs: 0 is no cutoff"),
        ({"population": "many"}, "population: expected a whole number, got 'many'"),
        ({"min_rating": "high"}, "min_rating: expected a number, got 'high'"),
        ({"chooser": "luck"}, "chooser: expected 'tpe' or 'random', got 'luck'"),
        ({"objectives": 5}, "objectives: expected a list, got 5"),
        ({"prices": {"m": {"input": 1}}}, "prices.m.output: is missing"),
        (
            {"isolation": "container", "unsafe_no_sandbox": True},
            "^isolation container and unsafe_no_sandbox contradict",
        ),
        ({"columns": "nobody"}, "columns: 'nobody': expected pairs such as user=uid"),
        ({"columns": "user= "}, "expected pairs"),
    ],
)
def test_bad_values_name_the_key(flags, message):
    with pytest.raises(UsageError, match=message):
        load_config(flags, None)


@pytest.mark.parametrize("content", [b"budget = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml(tmp_path, content):
    file = tmp_path / "search.toml"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="is not TOML"):
        load_config({}, file)


def test_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="cannot read the configuration"):
        load_config({}, tmp_path / "none.toml")


def test_metrics_are_cut_wherever_one_asks(monkeypatch):
    monkeypatch.setenv("AUTOREC_SEARCH_CUTOFFS", "50, 1")
    assert load_config({}, None).cutoffs == (50, 1)


def test_the_stored_configuration_reads_back():
    config = load_config({"budget": "15m", "hypotheses": ("a", "b"), "prices": {"x": {"input": 1, "output": 2}}}, None)
    assert SearchConfig.model_validate(config.model_dump(mode="json")) == config


def test_baselines_are_named_with_commas_everywhere(monkeypatch, tmp_path):
    assert load_config({"baselines": "ease, slim,"}, None).baselines == ("ease", "slim")
    file = tmp_path / "search.toml"
    file.write_text('baselines = ["pop"]')
    assert load_config({}, file).baselines == ("pop",)
    monkeypatch.setenv("AUTOREC_SEARCH_BASELINES", "all")
    assert load_config({}, None).baselines == ("all",)


def test_one_model_or_several_wherever_they_are_given(tmp_path, monkeypatch):
    file = tmp_path / "search.toml"
    file.write_text('llm = "openai/a"\n')
    assert load_config({}, file).llm == ("openai/a",)
    file.write_text('llm = ["openai/a", "b/c"]\napi_bases = {"b/c" = "http://127.0.0.1:1/v1"}\n')
    assert load_config({}, file).llm == ("openai/a", "b/c")
    monkeypatch.setenv("AUTOREC_SEARCH_LLM", "openai/a, b/c")
    monkeypatch.setenv("AUTOREC_SEARCH_API_BASES", "b/c=http://127.0.0.1:1/v1")
    config = load_config({})
    assert (config.llm, dict(config.api_bases)) == (("openai/a", "b/c"), {"b/c": "http://127.0.0.1:1/v1"})
    with pytest.raises(UsageError, match="openai/a, openai/a names a model twice"):
        load_config({"llm": ("openai/a", "openai/a")})
