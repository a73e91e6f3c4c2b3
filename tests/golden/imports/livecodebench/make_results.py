"""Write results laid out as LiveCodeBench lays them out; see README.md for what that rests on."""

import json
import sys
from pathlib import Path


def question(number, answers, **more):
    """answers: text of the code, verdict and metadata of its grading."""
    codes, graded, metadata = zip(*answers)
    return {
        "question_title": f"Made question {number}",
        "question_content": f"Print the number {number}.",
        "platform": "atcoder",
        "question_id": f"made{number}_a",
        "contest_id": f"made{number}",
        "contest_date": f"2024-0{number + 1}-07T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "output_list": [f"```python\n{code}\n```" for code in codes],
        "code_list": list(codes),
        "graded_list": list(graded),
        "pass@1": graded.count(True) / len(graded),
        "metadata": [json.dumps(one) for one in metadata],
    }


PASS = {"execution time": 0.001}
WRONG = {
    "output": "9\n",
    "inputs": "",
    "expected": "1\n",
    "error_code": -2,
    "error_message": "Wrong answer at output_line_idx=0: 9 != 1",
}
SLOW = {
    "error": "TimeoutException()",
    "error_code": -3,
    "error_message": "Time Limit Exceeded",
    "inputs": "",
    "expected": "1\n",
}
RAISED = {
    "error": "NameError(\"name 'x' is not defined\")",
    "error_code": -4,
    "error_message": "Runtime Error",
    "inputs": "",
    "expected": "1\n",
}
GRADER = {
    "error": "IndexError('list index out of range')",
    "error_code": -5,
    "error_message": "TestRunnerError",
}

QUESTIONS = [
    question(
        1, [("print(1)", True, PASS), ("print(9)", False, WRONG), ("print(0 + 1)", True, PASS)]
    ),
    question(
        2,
        [
            ("while True: pass", False, SLOW),
            ("print(x)", False, RAISED),
            ("print(2)", False, GRADER),
        ],
    ),
]
OUTPUTS = [
    {
        "question_title": "Made question 1",
        "question_content": "Double a number.",
        "question_id": "made1_a",
        "contest_id": "made1",
        "contest_date": "2024-02-07T00:00:00",
        "difficulty": "easy",
        "output_list": ["assert double(2) == 4"],
        "pred_list": ["4"],
        "test_id": test,
        "function_name": "double",
        "starter_code": "def double(x):\n",
        "graded_list": [test == 0],
        "pass@1": float(test == 0),
    }
    for test in (0, 1)
]

if __name__ == "__main__":
    folder = Path(sys.argv[1]) / "Made-Model-7B"
    folder.mkdir(exist_ok=True)
    for name, rows in (
        ("codegeneration_3_0.2", QUESTIONS),
        ("testoutputprediction_1_0.2", OUTPUTS),
    ):
        (folder / f"{name}_eval_all.json").write_text(json.dumps(rows, indent=4))
