"""Which release this is, and which schema it needs."""

import platform

from entrypoints.cli.output import JsonFlag, print_json


def version(as_json: JsonFlag = False) -> None:
    """Print the release of FastOps, the Python it runs on, and the revision of the schema that it needs."""
    from importlib.metadata import version as installed

    from adapters.persistence.sqlalchemy.schema.chain import HEAD, needed, oldest_reader_at

    release = {
        "fastops": installed("fastops"),
        "python": platform.python_version(),
        "schema": needed(),
        "oldest_reader": oldest_reader_at(HEAD),
    }
    if as_json:
        print_json(release)
    else:
        print(f"fastops {release['fastops']} (Python {release['python']}, schema {release['schema']})")
