"""`python -m rnncli`."""

from rnncli.cli.main import main

if __name__ == "__main__":
    main()
