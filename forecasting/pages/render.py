"""Pages for people, each one HTML file that needs nothing else."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(template: str, **facts: object) -> str:
    """Return the page of a template of this folder; every fact is escaped."""
    return _environment().get_template(template).render(**facts)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("forecasting", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
