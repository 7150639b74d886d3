"""What of a zone's papers its kiosks are told: it travels with the configuration."""

from central.papers.models import PaperTemplate
from central.venue.models import Zone
from paper.template import TemplateError, read


def text(zone: Zone) -> str:
    """Return a zone's template with its logo, or nothing for the default."""
    written = PaperTemplate.objects.filter(zone=zone).first()
    return "" if written is None else written.whole


def fault(written: str) -> str:
    """Return what is wrong with a template, or nothing."""
    try:
        read(written)
    except TemplateError as error:
        return f"票面模板 · paper template: {error}"
    return ""
