"""lm-evaluation-harness both ways: its tasks on our engines, our engines as one of its models."""
