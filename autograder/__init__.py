"""Releases, collects and grades notebook assignments; student code and hidden tests never share a process."""

import sys
from typing import Any, cast

__version__ = "0.1.0"

# jsonschema builds the grammar of an address format that no notebook uses where this package, which JupyterLab brings,
# is installed: 0.7 s of the second that a command takes to start. None makes the import fail, which jsonschema expects.
cast("dict[str, Any]", sys.modules).setdefault("rfc3987_syntax", None)
