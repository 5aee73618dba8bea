"""`python -m cogattn`: the command line, where no `cogattn` is on the path."""

from cogattn.cli import main

if __name__ == "__main__":
    main()
