"""A site's own certificate authority, by openssl: an RSA root, as many are."""

import subprocess
from pathlib import Path

EXTENSIONS = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[issuing]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
[own]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
default_md = sha256
"""


def openssl(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)


class Site:
    """Its root signs requests and revocation lists, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.root = folder, folder / "root.pem"
        self._key, self._told = folder / "root.key", folder / "openssl.cnf"
        self._told.write_text(EXTENSIONS.format(folder=folder))
        (folder / "index.txt").write_text("")
        (folder / "crlnumber").write_text("01\n")
        self._do(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Site root"),
            *("-keyout", self._key, "-out", self.root, "-days", "3650"),
            *("-config", self._told, "-extensions", "ca"),
        )

    def signed(self, request: str, kind: str = "issuing") -> Path:
        """Sign a request; return a file with the root and the certificate."""
        asked, made = self.folder / "asked.csr", self.folder / "made.pem"
        asked.write_text(request)
        self._do(
            *("x509", "-req", "-in", asked, "-CA", self.root, "-CAkey", self._key),
            *("-CAcreateserial", "-days", "1000", "-out", made),
            *("-extfile", self._told, "-extensions", kind),
        )
        both = self.folder / f"both-{len(list(self.folder.glob('both-*')))}.pem"
        both.write_text(made.read_text() + self.root.read_text())
        return both

    def list(self, days: int = 300) -> Path:
        path = self.folder / f"list-{days}.pem"
        seconds = ("-crlsec", "1") if days == 0 else ("-crldays", days)
        self._do(
            *("ca", "-gencrl", "-config", self._told, "-name", "own", "-out", path),
            *("-cert", self.root, "-keyfile", self._key, *seconds),
        )
        return path

    def _do(self, *arguments: object) -> None:
        done = openssl(*arguments)
        assert done.returncode == 0, done.stderr
