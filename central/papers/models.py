"""What stands on a zone's paper tickets, as the venue edits it."""

from django.db import models

from central.venue.models import Zone
from paper.default import TEMPLATE


class PaperTemplate(models.Model):
    """A zone's template (paper/template.py) and its logo; without one the default is printed."""

    zone = models.OneToOneField(Zone, models.CASCADE, verbose_name="区域 zone")
    text = models.TextField("模板 template (TOML)", default=TEMPLATE)
    logo = models.TextField("标志 logo", blank=True, editable=False)
    """The table [logo] of the template, as paper.template.logo_text writes it."""

    class Meta:
        verbose_name = verbose_name_plural = "票面模板 Paper template"

    def __str__(self) -> str:
        return str(self.zone)

    @property
    def whole(self) -> str:
        """The template as kiosks read it."""
        return f"{self.text.rstrip()}\n\n{self.logo}" if self.logo else self.text
