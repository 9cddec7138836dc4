"""`python -m leeway.runtime` is `leeway`."""

from leeway.runtime.cli import main

if __name__ == "__main__":
    main()
