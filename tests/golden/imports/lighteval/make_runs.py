"""Write the run-* folders: lighteval's own pipeline and writer on three small tasks of ours.

    python make_runs.py        in an environment with lighteval 0.13.0 (README.md)

The file is lighteval's list of custom tasks as well.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from lighteval.metrics.dynamic_metrics import LogLikelihoodAccMetric
from lighteval.metrics.metrics import Metrics
from lighteval.metrics.normalizations import LogProbCharNorm
from lighteval.tasks.lighteval_task import LightevalTaskConfig
from lighteval.tasks.requests import Doc

HERE = Path(__file__).parent
CHOICES = [
    ("Which of these can be eaten?", ["a brick", "a ripe pear from the garden", "glass"], 1),
    ("What falls in winter?", ["snow", "hay", "nothing that anybody has seen"], 0),
    ("Wie heißt ein junger Hund?", ["Fohlen", "Küken", "Welpe"], 2),
    ("Which is used to write?", ["a pencil", "a spoon"], 0),
    ("Which is used to write?", ["a pencil", "a spoon"], 0),
    ("Where do fish live?", ["on the moon", "in water", "in a tree", "under a carpet"], 1),
    ("What is a house built of?", ["bricks", "breath", "songs"], 0),
]
WRITTEN = [
    ("What is 2 + 3?", "5"),
    ("What does a dummy say?", "random baseline"),
    ("What is 4 + 4?", "8"),
]


def choices_prompt(line, task_name=None):
    return Doc(
        task_name=task_name,
        query=f"Question: {line['question']}\nAnswer:",
        choices=[f" {choice}" for choice in line["choices"]],
        gold_index=line["gold"],
    )


def written_prompt(line, task_name=None):
    return Doc(
        task_name=task_name,
        query=f"Question: {line['question']}\nAnswer:",
        choices=[line["answer"]],
        gold_index=0,
        instruction="Answer in one word.",
    )


def config(name, prompt, metrics):
    return LightevalTaskConfig(
        name=name,
        prompt_function=prompt,
        hf_repo=f"{os.environ['OWN_DATA']}/{name}",
        hf_subset="default",
        metrics=metrics,
        hf_avail_splits=["train"],
        evaluation_splits=["train"],
        generation_size=8,
        stop_sequence=["\n"],
        version=1,
    )


TASKS_TABLE = (
    [
        config(
            "own_choices", choices_prompt, [Metrics.loglikelihood_acc, Metrics.loglikelihood_f1]
        ),
        config(
            "own_lengths",
            choices_prompt,
            [
                Metrics.loglikelihood_acc,
                LogLikelihoodAccMetric(normalization=LogProbCharNorm(ignore_first_space=True)),
            ],
        ),
        config("own_written", written_prompt, [Metrics.exact_match]),
    ]
    if "OWN_DATA" in os.environ
    else []
)


def run(name, seed, max_samples=None):
    from lighteval.logging.evaluation_tracker import EvaluationTracker
    from lighteval.models.dummy.dummy_model import DummyModelConfig
    from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters

    pipeline = Pipeline(
        tasks="own_choices|0,own_lengths|0,own_written|0",
        pipeline_parameters=PipelineParameters(
            launcher_type=ParallelismManager.NONE,
            custom_tasks_directory=str(HERE / "make_runs.py"),
            max_samples=max_samples,
            bootstrap_iters=100,
        ),
        evaluation_tracker=EvaluationTracker(output_dir="out", save_details=True),
        model_config=DummyModelConfig(model_name=name, seed=seed),
    )
    pipeline.evaluate()
    pipeline.save_and_push_results()


def list_own_tasks_alone():
    """Two of lighteval's built-in tasks ask the network as they are listed; none is needed."""
    from lighteval.tasks.registry import Registry

    Registry._load_from_subdirs = staticmethod(lambda *_args: {})
    Registry._load_from_files = staticmethod(lambda *_args: {})


def main():
    list_own_tasks_alone()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["OWN_DATA"] = "data"
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
        os.environ["HF_HOME"] = str(Path(folder) / "cache")
        rows = {
            "own_choices": [dict(zip(("question", "choices", "gold"), one)) for one in CHOICES],
            "own_lengths": [dict(zip(("question", "choices", "gold"), one)) for one in CHOICES],
            "own_written": [dict(zip(("question", "answer"), one)) for one in WRITTEN],
        }
        for task, lines in rows.items():
            Path("data", task).mkdir(parents=True)
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            Path("data", task, "train.jsonl").write_text(text, "utf-8")
        run("house/dummy-a", 1)
        run("house/dummy-b", 2)
        shutil.rmtree(HERE / "out", ignore_errors=True)
        shutil.copytree("out", HERE / "out")
        for path in (HERE / "out").rglob("*.parquet"):
            path.rename(path.with_name(path.name.replace("|", "--")))


if __name__ == "__main__":
    main()
