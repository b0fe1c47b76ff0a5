"""`python -m posed_models …`"""

from posed_models.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
