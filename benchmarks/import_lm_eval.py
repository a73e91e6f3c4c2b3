"""Time and peak memory of importing a gigabyte of lm-eval samples, beside parsing it and no more.

Run from the repository root: ``python -m benchmarks.import_lm_eval [GIGABYTES]``. Three kinds of
rows: four choices behind a question (about 2 kB), the same with a short question (about 1 kB), and
a written answer behind five examples, read by two filters (about 5 kB). Each job is a process of
its own: parsing, importing into an empty folder, and importing the same answers of a second model
beside them.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

DATE = "2026-01-31T12-00-00.000000"
WORDS = (
    *("the", "a", "of", "to", "and", "in", "that", "was", "with", "for", "on", "by", "from"),
    *("river", "house", "seven", "lantern", "market", "answer", "number", "teacher", "garden"),
)
LONG, SHORT = (30, 5, 15), (8, 1, 2)
"""Words of a question, least of a choice, and one more than the most."""
FILTERS = ("strict-match", "flexible-extract")
KINDS = ("choices", "short", "written")


def main() -> None:
    size = int(float(sys.argv[1]) * 1e9) if len(sys.argv) > 1 else 10**9
    with tempfile.TemporaryDirectory() as name:
        for kind in KINDS:
            path = write(Path(name), kind, size)
            for job in ("parse", "first", "second"):
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.import_lm_eval", job, path],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                print(f"{kind}, {path.stat().st_size / 1e9:.2f} GB, {job}: {done.stdout}", end="")
            path.unlink()


def write(folder: Path, kind: str, size: int) -> Path:
    """Write samples of one kind and the results file that belongs to them."""
    path = folder / f"samples_{kind}_{DATE}.jsonl"
    digest, sums, counts = hashlib.sha256(), {}, {}
    filters = FILTERS if kind == "written" else ("none",)
    with path.open("w", encoding="utf-8") as file:
        for name in filters:
            n_wanted = counts.get(filters[0])  # as many rows of every filter as of the first
            counts[name] = 0
            while (
                file.tell() < size / len(filters) if n_wanted is None else counts[name] < n_wanted
            ):
                doc_id = counts[name]
                rng = np.random.default_rng(doc_id)
                row = (
                    written_row(doc_id, rng, name)
                    if kind == "written"
                    else choice_row(doc_id, rng, *(SHORT if kind == "short" else LONG))
                )
                hashes = (row["doc_hash"], row["prompt_hash"], row["target_hash"])
                digest.update("".join(hashes).encode())
                for metric in row["metrics"]:
                    key = f"{metric},{name}"
                    sums[key] = sums.get(key, 0.0) + row[metric]
                counts[name] += 1
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    scores = {key: value / counts[key.split(",")[1]] for key, value in sums.items()}
    content = {
        "results": {kind: scores},
        "n-samples": {kind: {"effective": counts[filters[0]]}},
        "task_hashes": {kind: digest.hexdigest()},
        "model_name": "made",
    }
    (folder / f"results_{DATE}.json").write_text(json.dumps(content), "utf-8")
    return path


def text(rng, n_words):
    return " ".join(WORDS[index] for index in rng.integers(0, len(WORDS), n_words))


def row_of(doc_id, doc, target, arguments, *, filter_name, metrics, responses):
    hashed = {
        "doc_hash": json.dumps(doc, indent=2, ensure_ascii=False),
        "prompt_hash": arguments[0][0],
        "target_hash": target,
    }
    return {
        "doc_id": doc_id,
        "doc": doc,
        "target": target,
        "arguments": {
            f"gen_args_{number}": {"arg_0": pair[0], "arg_1": pair[1]}
            for number, pair in enumerate(arguments)
        },
        "resps": [[one] for one in responses[0]],
        "filtered_resps": responses[1],
        "filter": filter_name,
        "metrics": list(metrics),
        **{name: hashlib.sha256(one.encode()).hexdigest() for name, one in hashed.items()},
        **metrics,
    }


def choice_row(doc_id, rng, n_words, least, most):
    choices = [text(rng, int(rng.integers(least, most))) for _ in range(4)]
    doc = {
        "id": doc_id,
        "question": text(rng, n_words),
        "choices": choices,
        "label": int(rng.integers(4)),
    }
    prompt = f"Question: {doc['question']}\nAnswer:"
    values = -rng.gamma(8.0, 4.0, 4)
    lengths = np.array([len(choice) for choice in choices])
    pairs = [[str(value), "False"] for value in values.tolist()]
    metrics = {
        "acc": float(values.argmax() == doc["label"]),
        "acc_norm": float((values / lengths).argmax() == doc["label"]),
    }
    arguments = [(prompt, f" {choice}") for choice in choices]
    target = str(doc["label"])
    responses = (pairs, pairs)
    return row_of(
        doc_id, doc, target, arguments, filter_name="none", metrics=metrics, responses=responses
    )


def written_row(doc_id, rng, filter_name):
    answer = str(int(rng.integers(1000)))
    doc = {"id": doc_id, "question": text(rng, 45), "answer": f"{text(rng, 60)} #### {answer}"}
    prompt = f"{text(np.random.default_rng(0), 600)}\n\nQuestion: {doc['question']}\nAnswer:"
    response = f" {text(rng, 120)} #### {answer if rng.random() < 0.5 else '7'}"
    arguments = [(prompt, {"until": ["Question:", "</s>"], "do_sample": False, "temperature": 0.0})]
    found = response.rsplit(" ", 1)[1]
    metrics = {"exact_match": float(found == answer)}
    responses = ([response], [found])
    return row_of(
        doc_id,
        doc,
        answer,
        arguments,
        filter_name=filter_name,
        metrics=metrics,
        responses=responses,
    )


def parse(path: Path) -> int:
    count = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            count += len(json.loads(line)) > 0
    return count


def take(path: Path, model: str) -> int:
    """Import the samples as those of one model, into a folder beside them."""
    from silentzone.importers.reading import ImportOptions
    from silentzone.studies.import_outcome import ImportRequest
    from silentzone.studies.imports import import_results
    from silentzone.studies.progress import SilentProgress

    request = ImportRequest(
        paths=(path,),
        into=path.parent / "imported",
        format="lm-eval",
        options=ImportOptions(filter=FILTERS[0], model=model),
    )
    return import_results(request, SilentProgress()).items[0]["items"]


JOBS = {
    "parse": parse,
    "first": lambda path: take(path, "first"),
    "second": lambda path: take(path, "second"),
}


def run(job: str, path: Path) -> None:
    begin = time.perf_counter()
    count = JOBS[job](path)
    wall, cpu = time.perf_counter() - begin, time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    speed = path.stat().st_size / wall / 1e6
    print(
        f"{count:,} {'rows' if job == 'parse' else 'items'}, {wall:.1f} s ({speed:.0f} MB/s), "
        f"{cpu:.1f} s CPU, peak {peak / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        run(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
