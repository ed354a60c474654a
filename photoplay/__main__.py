"""`python -m photoplay` is the `photoplay` command."""

from photoplay.cli import main

if __name__ == "__main__":
    main()
