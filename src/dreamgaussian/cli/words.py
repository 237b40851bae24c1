"""Words, looked at before any work."""

from dreamgaussian.config import RunConfig


def check_words(config: RunConfig) -> None:
    """Raises InputError where a run by words alone would look up what the image library has not."""
    if config.text_to_image == "library":
        from dreamgaussian.text_to_image.library import open_library

        open_library().read(config.prompt)
