"""SQL lives in `.sql` files beside the code that runs it; this hands out its statements by name.

-- advance_checkpoint --
-- Comments under the header stay with the statement.
UPDATE …;
"""

import re
from importlib.resources import files

_HEADER = re.compile(r"^-- (?P<name>[a-z][a-z0-9_]*) --$", re.MULTILINE)


class Statements:
    """The statements of a file as attributes: `SQL = Statements(__package__, "lists.sql")`."""

    def __init__(self, package: str | None, file_name: str) -> None:
        if package is None:
            raise ValueError("statements belong to a package")
        text = files(package).joinpath(file_name).read_text(encoding="utf-8")
        self._file_name = file_name
        self._statements = parse_statements(text)

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            message = f"no statement {name!r} in {self._file_name}"
            raise AttributeError(message) from None


def parse_statements(text: str) -> dict[str, str]:
    """Name to statement, in the order of the file. Raises `ValueError` for a repeated name."""
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    statements: dict[str, str] = {}
    for header, end in zip(headers, ends, strict=True):
        name = header["name"]
        if name in statements:
            message = f"two statements are named {name!r}"
            raise ValueError(message)
        statements[name] = text[header.end() : end].strip()
    return statements
