"""Wiring of the language model: an endpoint of one's own, Groq, or none, whose answers are then made of quotes."""

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, Dependency, Provider, Selector, Singleton

from adapters.language_models.extractive import NoLanguageModel
from adapters.language_models.openai_compatible import OpenAICompatible
from entrypoints.settings.settings import Settings, revealed


def chosen_model(settings: Settings) -> str:
    if settings.models.language_model_url:
        return "endpoint"
    return "groq" if settings.models.groq_api_key else "none"


class LanguageContainer(DeclarativeContainer):
    """Who writes the answers."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)
    models = settings.provided.models

    choice = Callable(chosen_model, settings)
    model = Selector(
        choice,
        endpoint=Singleton(
            OpenAICompatible,
            models.language_model_url,
            models.language_model,
            Callable(revealed, models.language_model_key),
        ),
        groq=Singleton(OpenAICompatible.groq, Callable(revealed, models.groq_api_key), models.language_model),
        none=Singleton(NoLanguageModel),
    )
