"""Secrets of channels: files, named in central.toml, read when the sender starts.

A bare name is looked for among systemd's credentials (`LoadCredential=` of the unit), then in
`secrets/` of central's own folder. A path is taken as it is.
"""

import os
import stat
from pathlib import Path

from central.config import ConfigError

BYTES_MAX = 4096
FOLDER = "secrets"
CREDENTIALS = "CREDENTIALS_DIRECTORY"


def secret(named: str, key: str, directory: Path) -> str:
    """Return what the file holds that central.toml names under `key`; raise ConfigError."""
    path = _found(named, directory)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IROTH:
                raise ConfigError(
                    f"central.toml: {key}: {path} can be read by everybody; chmod 600 it"
                )
            text = file.read(BYTES_MAX + 1).decode().strip()
    except OSError as error:
        raise ConfigError(
            f"central.toml: {key}: {path} cannot be read ({error.strerror})"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"central.toml: {key}: {path} holds no text") from None
    if not text or len(text) > BYTES_MAX or not text.isprintable():
        raise ConfigError(f"central.toml: {key}: {path} must hold one line, the secret")
    return text


def _found(named: str, directory: Path) -> Path:
    if "/" in named:
        return Path(named)
    given = os.environ.get(CREDENTIALS, "")
    if given and (Path(given) / named).exists():
        return Path(given) / named
    return directory / FOLDER / named
