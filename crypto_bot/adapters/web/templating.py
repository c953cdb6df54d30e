"""Templates of HTML, which escape every text that is not markup itself."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    auto_reload=False,
)


def render(template: str, **values: object) -> Markup:
    """A whole template."""
    return Markup(TEMPLATES.get_template(template).render(**values))  # noqa: S704 - as above
