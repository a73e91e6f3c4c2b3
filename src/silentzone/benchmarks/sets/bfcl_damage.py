"""Items of BFCL in bfcl-eval 2026.3.23 that cannot be asked or answered, and why. Data only."""

from __future__ import annotations

_IDS_BY_REASON = {
    "a possible answer contradicts the type that the function states": """
        simple_python_149 simple_python_307 parallel_multiple_21 parallel_multiple_94
        live_multiple_301-131-0 live_multiple_302-131-1 live_multiple_303-131-2
        live_multiple_304-131-3 live_multiple_306-131-5 live_multiple_307-131-6
        live_multiple_308-131-7 live_multiple_338-133-2 live_multiple_342-133-6
        live_multiple_343-133-7 live_multiple_344-133-8 live_multiple_345-133-9
        live_multiple_350-133-14 live_multiple_351-133-15 live_multiple_352-133-16
        live_multiple_354-133-18 live_multiple_552-153-1 live_multiple_553-153-2
        live_multiple_595-158-1 live_multiple_596-158-2 live_multiple_731-167-2
        live_multiple_732-167-3 live_multiple_733-167-4 live_multiple_734-167-5
        live_multiple_735-167-6 live_multiple_736-167-7 live_multiple_737-167-8
        live_parallel_multiple_21-18-0
    """,
    "the wanted call has a parameter that its function has not": """
        parallel_multiple_12 parallel_multiple_26 live_multiple_862-181-3
    """,
    "a required parameter has no possible answer": """
        live_simple_106-63-0 live_simple_112-68-0 live_multiple_507-149-4 live_multiple_964-207-0
    """,
    "no function is offered": """
        live_irrelevance_120-9-0 live_irrelevance_121-9-1 live_irrelevance_122-9-2
        live_irrelevance_123-9-3
    """,
    "the question is a conversation, which many chat templates refuse in this form": """
        live_irrelevance_125-11-0 live_irrelevance_132-11-7 live_irrelevance_292-72-1
        live_irrelevance_296-73-3 live_irrelevance_298-73-5 live_irrelevance_527-162-2
        live_irrelevance_547-169-0 live_irrelevance_549-169-2 live_irrelevance_553-169-6
    """,
}
DAMAGED = {item_id: reason for reason, ids in _IDS_BY_REASON.items() for item_id in ids.split()}
"""Reason by id."""
