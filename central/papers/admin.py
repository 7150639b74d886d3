"""Where a venue edits its paper ticket, puts its logo on it, and sees what will be printed."""

from io import BytesIO
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from PIL import Image, UnidentifiedImageError
from unfold.admin import ModelAdmin

from central.papers import configuration, pdf, sample
from central.papers.models import PaperTemplate
from paper import glyphs, picture
from paper.fields import NAMES
from paper.lines import ROLL_58, ROLL_80
from paper.sheet import Kind
from paper.template import Language, TemplateError, logo_text, read

PAPERS = {"80": ROLL_80, "58": ROLL_58}
PICTURE_BYTES_MAX = 5_000_000
PICTURE_PIXELS_MAX = 30_000_000


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    picture = forms.FileField(
        label="上传标志 Upload a logo",
        required=False,
        help_text="PNG 或 JPEG，打印为黑白。Printed in black and white.",
    )
    without_logo = forms.BooleanField(label="去掉标志 Take the logo off", required=False)

    class Meta:
        model = PaperTemplate
        fields = ("zone", "text")
        help_texts: ClassVar = {"text": "字段 Fields: " + " ".join(f"{{{name}}}" for name in NAMES)}

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        uploaded = told.get("picture")
        if told.get("without_logo"):
            self.instance.logo = ""
        elif uploaded is not None:
            try:
                self.instance.logo = _logo(uploaded)
            except ValueError as error:
                self.add_error("picture", str(error))
        whole = PaperTemplate(text=told.get("text", ""), logo=self.instance.logo).whole
        wrong = configuration.fault(whole)
        if wrong:
            self.add_error("text", wrong)
        return told


def _logo(uploaded: "UploadedFile[bytes]") -> str:
    """Return a picture as a template holds it; raise ValueError with what is wrong."""
    if (uploaded.size or 0) > PICTURE_BYTES_MAX:
        raise ValueError("图片超过 5 MB · The picture is larger than 5 MB")
    try:
        with Image.open(uploaded) as image:
            if image.width * image.height > PICTURE_PIXELS_MAX:
                raise ValueError("图片像素太多 · The picture has too many pixels")
            return logo_text(picture.logo(image))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, SyntaxError):
        raise ValueError("这不是图片 · This is not a picture") from None


@admin.register(PaperTemplate)
class PaperTemplateAdmin(ModelAdmin):  # type: ignore[misc]
    form = TemplateForm
    list_display = ("zone",)
    fields = ("zone", "text", "picture", "without_logo")
    change_form_outer_after_template = "papers/preview.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path(
                "<int:key>/preview/<str:kind>-<str:language>-<str:width>.png",
                view(self._preview),
                name="paper_preview",
            ),
            path("<int:key>/preview/a4.pdf", view(self._a4), name="paper_a4"),
        ]
        return [*ours, *super().get_urls()]

    def _preview(
        self, request: HttpRequest, key: int, kind: str, language: str, width: str
    ) -> HttpResponseBase:
        """Draw the sample ticket as a kiosk's printer would."""
        found = self._template(request, key)
        try:
            sheet = read(found.whole).sheet(Kind(kind), sample.TOLD, Language(language))
            paper = PAPERS[width]
        except (KeyError, ValueError, TemplateError):
            raise Http404 from None
        try:
            image = picture.drawn(sheet, paper)
        except glyphs.FontsMissing as missing:
            return HttpResponse(str(missing), status=503, content_type="text/plain")
        file = BytesIO()
        image.save(file, "PNG")
        return HttpResponse(file.getvalue(), content_type="image/png")

    def _a4(self, request: HttpRequest, key: int) -> HttpResponseBase:
        template = self._template(request, key)
        try:
            read_template = read(template.whole)
        except TemplateError:
            raise Http404 from None
        kinds = (Kind.TICKET, Kind.RECEIPT)
        sheets = [read_template.sheet(kind, sample.TOLD, Language.BOTH) for kind in kinds]
        try:
            return HttpResponse(pdf.pdf(sheets), content_type="application/pdf")
        except glyphs.FontsMissing as missing:
            return HttpResponse(str(missing), status=503, content_type="text/plain")

    def _template(self, request: HttpRequest, key: int) -> PaperTemplate:
        found = PaperTemplate.objects.filter(pk=key).first()
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        if found is None:
            raise Http404
        return found
