"""Wiring of the language model: an endpoint of one's own, Groq, or none, whose answers are then made of quotes."""

from typing import TYPE_CHECKING

from dependency_injector.containers import DeclarativeContainer
from dependency_injector.providers import Callable, Dependency, Provider, Selector, Singleton

from adapters.language_models.extractive import NoLanguageModel
from entrypoints.settings.settings import Settings, revealed

if TYPE_CHECKING:
    from adapters.language_models.openai_compatible import OpenAICompatible


def chosen_model(settings: Settings) -> str:
    if settings.models.language_model_url:
        return "endpoint"
    return "groq" if settings.models.groq_api_key else "none"


def endpoint(settings: Settings) -> "OpenAICompatible":
    """Imported here, so that only a service that asks an endpoint loads the client."""
    from adapters.language_models.openai_compatible import OpenAICompatible

    models = settings.models
    if not models.language_model_url:
        return OpenAICompatible.groq(revealed(models.groq_api_key) or "", models.language_model)
    key = revealed(models.language_model_key)
    return OpenAICompatible(models.language_model_url, models.language_model or "", key)


class LanguageContainer(DeclarativeContainer):
    """Who writes the answers."""

    settings: Provider[Settings] = Dependency(instance_of=Settings)

    choice = Callable(chosen_model, settings)
    asked = Singleton(endpoint, settings)
    model = Selector(choice, endpoint=asked, groq=asked, none=Singleton(NoLanguageModel))
