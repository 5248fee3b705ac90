"""A template of ms-swift that adds nothing to rows of tokens. `dummy` would add the token that a tokenizer begins texts with."""

from swift.template import TemplateMeta, register_template

register_template(TemplateMeta("tokens", prefix=[], prompt=["{{QUERY}}"], chat_sep=None))
