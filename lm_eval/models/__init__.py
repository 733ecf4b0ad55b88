"""Models behind OpenAI-compatible APIs, registered by name and imported when first used."""

from lm_eval.api.registry import register_model

__all__ = ["MODELS"]

MODELS = {
    "local-completions": "lm_eval.models.openai_completions:LocalCompletionsAPI",
    "openai-completions": "lm_eval.models.openai_completions:OpenAICompletionsAPI",
    "local-chat-completions": "lm_eval.models.openai_completions:LocalChatCompletion",
    "openai-chat-completions": "lm_eval.models.openai_completions:OpenAIChatCompletion",
}
"""Name to ``module:class`` of every model that ships."""

for _name, _target in MODELS.items():
    register_model(_name)(_target)  # type: ignore[type-var]
