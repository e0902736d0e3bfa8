"""`python -m diabolo`: the command where its folder is not on the path."""

from diabolo.cli.main import main

if __name__ == "__main__":
    main()
