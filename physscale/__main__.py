"""`python -m physscale` is `physscale`."""

from physscale.cli.main import main

if __name__ == "__main__":
    main()
