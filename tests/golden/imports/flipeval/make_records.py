"""Write records laid out as FlipEval's native ones; see README.md for what that rests on."""

import json
import sys
from pathlib import Path

ROWS = [("sums", 0, "2", "2"), ("sums", 1, "5", "4"), ("names", 0, "ann", "ann")]

if __name__ == "__main__":
    full = [
        {
            "item_id": f"{task}:{number}",
            "task": task,
            "prediction": answer,
            "gold": gold,
            "correct": answer == gold,
            "metadata": {"source": "lm-evaluation-harness", "doc_id": number},
        }
        for task, number, answer, gold in ROWS
    ]
    least = [{name: row[name] for name in ("item_id", "prediction", "correct")} for row in full[:2]]
    for name, rows in (("made-model", full), ("least", least)):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (Path(sys.argv[1]) / f"{name}.jsonl").write_text(text)
