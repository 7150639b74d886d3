"""The chain of changes, with the exact bytes that were published, and the snapshots made."""

from django.db import models

from central.venue.models import Venue


class Change(models.Model):
    venue = models.ForeignKey(Venue, models.CASCADE)
    sequence = models.BigIntegerField()
    body = models.BinaryField()
    """The delta (wire/snapshot.py) in its envelope."""
    head = models.BinaryField(max_length=32)
    """Hash of the delta itself."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "sequence"], name="change_once")]


class Snapshot(models.Model):
    venue = models.ForeignKey(Venue, models.CASCADE)
    version = models.CharField(max_length=64, unique=True)
    sequence = models.BigIntegerField()
    manifest = models.BinaryField()
    """In its envelope."""


class Forgotten(models.Model):
    """Changes and snapshots of before this change say what is to be known no more."""

    venue = models.OneToOneField(Venue, models.CASCADE)
    before = models.BigIntegerField()
