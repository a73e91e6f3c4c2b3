"""Write a state laid out as llama-eval lays it out; see README.md for what that rests on."""

import json
import sys
from pathlib import Path

# Question, gold, and for two rounds: text of the model, what the grader read, whether it is
# right, status, tokens.
CASES = [
    ("1 + 1", "2", [("It is 2.", "2", True, "ok", 5), ("It is 3.", "3", False, "ok", 5)]),
    (
        "2 + 2",
        "4",
        [
            ("It is 4.", "4", True, "ok", 5),
            ("Well, let me", None, False, "error: finish_reason=length", 16),
        ],
    ),
    ("3 + 3", "6", [("It is 6.", "6", True, "ok", 5), (None, None, False, "pending", None)]),
]


def case(problem, round_):
    question, expected, rounds = CASES[problem]
    text, answer, is_correct, status, tokens = rounds[round_]
    log = {}
    if status == "ok":
        log = {"pred": text, "grader_type": "regex", "pattern": r"\b(\d+)\b"}
    elif status != "pending":
        log = {"finish_reason": "length"}
    fields = {
        "task_id": f"gsm8k_{round_:03d}_{problem:03d}",
        "prompt": f"{question}\nPlease reason step by step.\n",
        "expected": expected,
        "response": text,
        "answer": answer,
        "grader_log": log,
        "correct": is_correct,
        "status": status,
        "tokens": tokens,
        "tps_gen": None if tokens is None else 50.0,
        "t_gen_ms": None if tokens is None else 20.0 * tokens,
        "reasoning_content": None,
        "server_name": None if status == "pending" else "one",
        "chunk_idx": round_,
        "problem_idx": problem,
    }
    return fields | ({"question_text": question} if status == "pending" else {})


if __name__ == "__main__":
    cases = {one["task_id"]: one for one in (case(p, r) for r in (0, 1) for p in (2, 0, 1))}
    n_correct = sum(one["correct"] for one in cases.values())
    state = {
        "id": "gsm8k",
        "model_name": "made-model-Q4_K_M",
        "tasks": list(cases),
        "task_states": {
            "total": len(cases),
            "correct": n_correct,
            "total_time": 3.5,
            "ci_lower": 0.2,
            "ci_upper": 0.8,
            "cases": cases,
        },
        "sampling_config": {"temperature": 0.0},
    }
    (Path(sys.argv[1]) / "llama-eval-state.json").write_text(json.dumps(state, indent=2))
