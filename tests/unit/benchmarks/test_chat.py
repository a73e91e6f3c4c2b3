from __future__ import annotations

import pytest

from silentzone.benchmarks.chat import DATE, render_chat
from silentzone.errors import BenchmarkError

MESSAGES = [{"role": "user", "content": "Hi <b>"}]


def render(template, messages=MESSAGES):
    payload = {"template": template, "messages": messages, "bos_token": "<s>", "eos_token": "</s>"}
    return render_chat(payload)["text"]


def test_a_template_gets_messages_tokens_and_the_wish_for_an_answer():
    template = (
        "{{ bos_token }}{% for m in messages %}\n"
        "  {% if m['role'] == 'user' %}\n{{ m['content'] | trim }}{{ eos_token }}{% endif %}\n"
        "{% endfor %}{% if add_generation_prompt %}A:{% endif %}"
    )
    assert render(template) == "<s>Hi <b></s>A:"


def test_no_prompt_changes_with_the_day():
    assert render("{{ strftime_now('%d %b %Y') }}") == DATE


def test_json_is_written_as_it_stands():
    assert render("{{ messages | tojson }}") == '[{"role": "user", "content": "Hi <b>"}]'


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no system role') }}", "refuses these messages: no system role"),
        ("{% for %}", "failed"),
        ("{{ ''.__class__.__mro__ }}", "failed"),
        ("{{ messages.append(1) }}", "failed"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "failed"),
        ("{% include '/etc/passwd' %}", "failed"),
        ("{{ 1 / 0 }}", "ZeroDivisionError"),
        ("{{ range(999999) | list }}", "OverflowError"),
        ("{% for i in range(2000) %}{{ 'x' * 1000 }}{% endfor %}", "more than 1000000 characters"),
    ],
)
def test_a_template_that_does_not_fit_or_means_harm_is_refused(template, message):
    with pytest.raises(BenchmarkError, match=message) as caught:
        render(template)
    assert "`prompt`" in str(caught.value.hint)
