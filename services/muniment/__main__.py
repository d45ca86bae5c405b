"""`python -m muniment`: the same as the console script `muniment`."""

from muniment.cli.main import main

if __name__ == "__main__":
    main()
