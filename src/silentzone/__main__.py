"""``python -m silentzone``: the same as the ``silentzone`` script."""

from silentzone.cli.main import entry_point

if __name__ == "__main__":
    entry_point()
