"""Which release this is."""

import platform

from entrypoints.cli.output import JsonFlag, print_json


def version(as_json: JsonFlag = False) -> None:
    """Print the release of FastOps and the Python it runs on."""
    from importlib.metadata import version as installed

    release = {"fastops": installed("fastops"), "python": platform.python_version()}
    if as_json:
        print_json(release)
    else:
        print(f"fastops {release['fastops']} (Python {release['python']})")
