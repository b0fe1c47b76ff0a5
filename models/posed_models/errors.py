"""What a user is told when something cannot be done: what, where, and the mend."""


class PosedModelsError(Exception):
    """An error whose message is meant for the user; the command line prints it without a traceback."""
