"""Errors that aiohttp keeps, and what they would keep alive."""


def forget_calls(problem: BaseException | None) -> None:
    """Have an error, and those that it came from, hold no calls any more.

    aiohttp's streams, messages and WebSockets keep the errors that they raise; an error keeps the
    calls that it came through, and these the streams and all that was read off them. Such a circle
    lasts until the garbage collector comes, which counts objects and not the megabytes of bodies
    that were broken off.
    """
    while problem is not None:
        problem.__traceback__ = None
        problem = problem.__cause__ or problem.__context__
