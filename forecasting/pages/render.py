"""Pages for people, each one HTML file that needs nothing else."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(template: str, **facts: object) -> str:
    """Return the page of a template of this folder; every fact is escaped."""
    environment = Environment(
        loader=PackageLoader("forecasting", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(**facts)
