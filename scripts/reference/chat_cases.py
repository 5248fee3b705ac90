"""Renders the chat templates of trainer/tokenizer/testdata/chat as transformers does and writes reference.json beside them.

    python scripts/reference/chat_cases.py        then: biome format --write trainer/tokenizer/testdata
"""
import json
from datetime import datetime
from pathlib import Path

from transformers.utils import chat_template_utils

HERE = Path(__file__).resolve().parents[2] / "trainer/tokenizer/testdata/chat"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
NOW = datetime(2025, 3, 9, 7, 5, 3)


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def message(role, content):
    return {"role": role, "content": content}


CHATS = [
    [message("user", "What is 6 * 7?")],
    [message("system", " Be brief.\n"), message("user", "  spaces around  \n")],
    [message("user", "Hi"), message("assistant", " 42 \n"), message("user", "Sure?")],
    [message("user", "Hi"), message("assistant", "<think>\nhm\n</think>\n\n42"), message("user", "why?"),
     message("assistant", "<think>\nwell\n</think>\n\nbecause")],
    [message("system", "S"), message("user", "a"), message("assistant", "b"), message("user", "c"), message("assistant", "d"),
     message("user", "e")],
    [message("user", "ünï 😀 {{ braces }} {% tags %} \"quotes\" 'and' \\ <&>")],
    [message("user", "one"), message("user", "two")],
    [message("assistant", "I begin")],
    [message("user", "x"), message("tool", "{}"), message("user", "")],
]


def main():
    chat_template_utils.datetime = Clock
    out = []
    for path in sorted(HERE.glob("*.jinja")):
        # A template that can do without the date gets none from us, so that prompts stay the same from day to day.
        template = path.read_text().replace("strftime_now is defined", "false")
        for messages in CHATS:
            for add in (False, True):
                case = {"template": path.name, "messages": messages, "addGenerationPrompt": add}
                try:
                    rendered, _ = chat_template_utils.render_jinja_template(
                        [messages], chat_template=template, add_generation_prompt=add, **TOKENS)
                    case["text"] = rendered[0]
                except Exception as error:
                    case["error"] = str(error)
                out.append(case)
    reference = {"tokens": TOKENS, "now": NOW.isoformat(), "cases": out}
    (HERE / "reference.json").write_text(json.dumps(reference, ensure_ascii=True, indent=1) + "\n")
    print(len(out), "cases,", sum("error" in case for case in out), "refused")


if __name__ == "__main__":
    main()
